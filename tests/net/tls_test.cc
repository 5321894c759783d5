// TLS: the peer is who its certificate says, or there is no answer.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "client_fixture.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"

namespace restored::net_test {
namespace {

class TlsTest : public testing::Test {
 protected:
  net::ClientOptions options(const ScriptedServer& server, const std::string& host,
                             const std::string& ca_file) const {
    net::ClientOptions made = options_for(server.port(), host);
    made.endpoint.tls = true;
    made.ca_file = ca_file;
    return made;
  }
  Answer ask_as(const Issued& identity, const std::string& host, const std::string& ca_file,
                const ScriptedServer::Script& script = once(ok("secret"))) const {
    const ScriptedServer server(script, &identity);
    return ask(*make_client(options(server, host, ca_file)));
  }

  const test::TemporaryDirectory directory_;
  const Authority authority_{directory_.path(), "authority"};
  const Authority other_{directory_.path(), "other"};
};

TEST_F(TlsTest, ACertificateOfTheGivenAuthorityIsAccepted) {
  const auto answer =
      ask_as(authority_.issue("store", "DNS:localhost"), "localhost", authority_.file());
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->body, "secret");
}

TEST_F(TlsTest, AnAddressIsFoundAmongTheCertificatesAddresses) {
  const Issued identity = authority_.issue("store", "DNS:store.test, IP:127.0.0.1, IP:::1");
  const auto answer = ask_as(identity, "127.0.0.1", authority_.file());
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
}

TEST_F(TlsTest, AnAddressIsNotLookedForAmongNames) {
  expect_failure(
      ask_as(authority_.issue("127.0.0.1", "DNS:127.0.0.1"), "127.0.0.1", authority_.file()),
      Kind::tls_refused, "not for 127.0.0.1");
}

TEST_F(TlsTest, AnotherNameIsRefused) {
  expect_failure(
      ask_as(authority_.issue("localhost", "DNS:store.test"), "localhost", authority_.file()),
      Kind::tls_refused, "the server's certificate is not for localhost");
}

TEST_F(TlsTest, AnotherAddressIsRefused) {
  expect_failure(ask_as(authority_.issue("store", "IP:127.0.0.2"), "127.0.0.1", authority_.file()),
                 Kind::tls_refused, "not for 127.0.0.1");
}

TEST_F(TlsTest, AnUnknownAuthorityIsRefused) {
  const Issued identity = authority_.issue("store", "DNS:localhost");
  expect_failure(ask_as(identity, "localhost", other_.file()), Kind::tls_refused, "not accepted");
  // The system's authorities do not know ours either.
  expect_failure(ask_as(identity, "localhost", ""), Kind::tls_refused, "not accepted");
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) {
  expect_failure(
      ask_as(authority_.issue("store", "DNS:localhost", -60), "localhost", authority_.file()),
      Kind::tls_refused, "certificate has expired");
}

TEST_F(TlsTest, ACertificateOfTomorrowIsRefused) {
  expect_failure(
      ask_as(authority_.issue("store", "DNS:localhost", 24 * 3600), "localhost", authority_.file()),
      Kind::tls_refused, "not yet valid");
}

TEST_F(TlsTest, AGivenCertificateIsTrustedItself) {
  const Issued identity = authority_.issue("store", "DNS:localhost");
  const auto answer = ask_as(identity, "localhost", identity.certificate_file);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
}

TEST_F(TlsTest, AServerWithoutTlsIsRefused) {
  const ScriptedServer server([](Peer& peer) {
    peer.read(1);
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_for_end();
  });
  expect_failure(ask(*make_client(options(server, "127.0.0.1", authority_.file()))),
                 Kind::tls_refused, "in the TLS handshake");
}

TEST_F(TlsTest, AHandshakeThatIsCutOffMayWorkLater) {
  const ScriptedServer server([](Peer&) {});
  expect_failure(ask(*make_client(options(server, "127.0.0.1", authority_.file()))),
                 Kind::connect_failed, "in the TLS handshake");
}

TEST_F(TlsTest, AHandshakeWithoutAnAnswerIsBounded) {
  const ScriptedServer server([](Peer& peer) { peer.wait_for_end(); });
  const auto client = make_client(options(server, "127.0.0.1", authority_.file()));
  expect_failure(ask(*client, collect(), {300ms, 10s, 20s}), Kind::connect_failed, "timed out");
  std::stop_source source;
  auto running = std::async(std::launch::async, [&] {
    return ask(*client, collect(), {60s, 60s, 60s}, source.get_token());
  });
  ASSERT_TRUE(test::wait_until([&] { return server.connections() == 2; }));
  const Stopwatch watch;
  source.request_stop();
  expect_failure(running.get(), Kind::cancelled);
  EXPECT_LT(watch.elapsed(), 1s);
}

TEST_F(TlsTest, AnAuthorityFileThatIsNoneIsToldAtOnce) {
  net::ClientOptions made = options_for(443, "store.test");
  made.endpoint.tls = true;
  made.ca_file = directory_.file("missing.pem");
  auto client = HttpClient::make(made);
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code, ErrorCode::store_misconfigured);
  EXPECT_NE(client.error().message.find("no such file"), std::string::npos)
      << client.error().message;
  test::write_file(made.ca_file, "not a certificate");
  client = HttpClient::make(made);
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code, ErrorCode::store_misconfigured);
  EXPECT_NE(client.error().message.find("no certificate"), std::string::npos)
      << client.error().message;
}

TEST_F(TlsTest, ConnectionsAreKeptAndSixtyFourMebibytesArrive) {
  const Issued identity = authority_.issue("store", "DNS:localhost");
  const std::string sent = pattern(64 << 20);
  const ScriptedServer server(always(ok(sent)), &identity);
  const auto client = make_client(options(server, "localhost", authority_.file()));
  for (int count = 0; count < 2; ++count) {
    Body body(sent.size());
    const auto answer = ask(*client, body.target());
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_TRUE(body.text() == sent);
    EXPECT_EQ(body.arrived, sent.size());
  }
  EXPECT_EQ(client->connections_made(), 1u);
}

TEST_F(TlsTest, ALargeBodyIsSentWhole) {
  const Issued identity = authority_.issue("store", "DNS:localhost");
  const std::string sent = pattern(16 << 20);
  std::promise<bool> same;
  const ScriptedServer server(
      [&](Peer& peer) {
        peer.read_head();
        same.set_value(peer.read(sent.size()) == sent);
        peer.send(ok(""));
      },
      &identity);
  const auto client = make_client(options(server, "localhost", authority_.file()));
  const auto answer =
      client->send(request("PUT", std::as_bytes(std::span(sent))), collect(), usual_limits, {});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_TRUE(same.get_future().get());
}

TEST_F(TlsTest, AnEarlyAnswerIsReadWhileTheBodyIsStillBeingSent) {
  const Issued identity = authority_.issue("store", "DNS:localhost");
  const std::string sent(64 << 20, 'x');
  std::atomic<bool> over = false;
  const ScriptedServer server(
      [&](Peer& peer) {
        peer.read_head();
        peer.read(1 << 20);
        peer.send("HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nslow");
        test::wait_until([&] { return over.load(); });
      },
      &identity);
  const auto client = make_client(options(server, "localhost", authority_.file()));
  const auto answer =
      client->send(request("PUT", std::as_bytes(std::span(sent))), collect(), usual_limits, {});
  over = true;
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->head.status, 503u);
  EXPECT_EQ(answer->body, "slow");
}

TEST_F(TlsTest, TheSecondHandshakeIsShort) {
  const Issued identity = authority_.issue("store", "DNS:localhost");
  const ScriptedServer server(once("HTTP/1.1 200 OK\r\nConnection: close\r\n"
                                   "Content-Length: 0\r\n\r\n"),
                              &identity);
  const auto client = make_client(options(server, "localhost", authority_.file()));
  for (int count = 0; count < 3; ++count) ASSERT_TRUE(ask(*client).has_value());
  EXPECT_EQ(client->connections_made(), 3u);
  EXPECT_EQ(server.sessions_resumed(), 2u);
}

// Whoever cuts the wire must not be able to shorten a body whose end only the connection tells.
TEST_F(TlsTest, ABodyUntilTheEndNeedsTheEndOfTls) {
  const Issued identity = authority_.issue("store", "DNS:localhost");
  const auto whole =
      ask_as(identity, "localhost", authority_.file(), once("HTTP/1.1 200 OK\r\n\r\nall of it"));
  ASSERT_TRUE(whole.has_value()) << whole.error().message;
  EXPECT_EQ(whole->body, "all of it");
  const auto cut = ask_as(identity, "localhost", authority_.file(), [](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\n\r\nall");
    peer.cut();
  });
  expect_failure(cut, Kind::closed, "cut off");
}

TEST_F(TlsTest, ManyThreadsShareTheSession) {
  const Issued identity = authority_.issue("store", "DNS:localhost");
  const ScriptedServer server(once("HTTP/1.1 200 OK\r\nConnection: close\r\n"
                                   "Content-Length: 0\r\n\r\n"),
                              &identity);
  const auto client = make_client(options(server, "localhost", authority_.file()));
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int index = 0; index < 4; ++index) {
      threads.emplace_back([&] {
        for (int count = 0; count < 5; ++count) right += ask(*client).has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(right, 20);
}

}  // namespace
}  // namespace restored::net_test
