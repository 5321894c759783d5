// What the client sends, what it makes of a good answer, and when it keeps a connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "client_fixture.h"

namespace restored::net_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(EndpointTest, TextAndAuthority) {
  EXPECT_EQ((net::Endpoint{false, "10.0.0.7", 8000}.text()), "10.0.0.7:8000");
  EXPECT_EQ((net::Endpoint{false, "::1", 8000}.text()), "[::1]:8000");
  EXPECT_EQ((net::Endpoint{false, "store.test", 80}.authority()), "store.test");
  EXPECT_EQ((net::Endpoint{true, "store.test", 443}.authority()), "store.test");
  EXPECT_EQ((net::Endpoint{true, "store.test", 80}.authority()), "store.test:80");
  EXPECT_EQ((net::Endpoint{true, "::1", 443}.authority()), "[::1]");
}

TEST(HttpClientTest, SendsTheRequestAsItIs) {
  std::promise<std::string> seen;
  const ScriptedServer server([&](Peer& peer) {
    const std::string head = peer.read_head();
    seen.set_value(head + peer.read(3));
    peer.send(ok(""));
  });
  const std::string body = "abc";
  const auto answer = client_for(server)->send(request("PUT", std::as_bytes(std::span(body))),
                                               collect(), usual_limits, {});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(seen.get_future().get(),
            "PUT /bucket/key?part=1 HTTP/1.1\r\nHost: store.test\r\nAuthorization: " +
                std::string(secret) + "\r\nContent-Length: 3\r\n\r\nabc");
}

TEST(HttpClientTest, TellsTheLengthOfAnEmptyBodyWhereOneIsExpected) {
  std::promise<std::string> heads;
  const ScriptedServer server([&](Peer& peer) {
    std::string all;
    for (int count = 0; count < 3; ++count) {
      all += peer.read_head();
      peer.send(ok(""));
    }
    heads.set_value(all);
  });
  const auto client = client_for(server);
  for (const char* method : {"GET", "DELETE", "PUT"}) {
    ASSERT_TRUE(client->send(request(method), collect(), usual_limits, {}).has_value());
  }
  const std::string all = heads.get_future().get();
  const auto put = all.find("PUT");
  EXPECT_THAT(all.substr(0, put), Not(HasSubstr("Content-Length")));
  EXPECT_THAT(all.substr(put), HasSubstr("Content-Length: 0\r\n"));
}

TEST(HttpClientTest, ARequestThatWouldSmuggleAHeaderIsNotSent) {
  const ScriptedServer server(always(ok("")));
  net::Request bad = request("GET");
  bad.headers.emplace_back("x-amz-meta", "a\r\nHost: other.test");
  const auto answer = client_for(server)->send(bad, collect(), usual_limits, {});
  expect_failure(answer, Kind::malformed, "x-amz-meta");
  EXPECT_EQ(server.connections(), 0u);
}

TEST(HttpClientTest, ReadsHeadAndBody) {
  const ScriptedServer server(
      always("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nETag: \"e\"\r\nx-amz-request-id:  r1 "
             "\r\n\r\nwrong"));
  const auto answer = ask(*client_for(server));
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->head.status, 404u);
  EXPECT_EQ(answer->head.content_length, 5u);
  EXPECT_EQ(answer->head.header("etag"), "\"e\"");
  EXPECT_EQ(answer->head.header("X-Amz-Request-Id"), "r1");
  EXPECT_EQ(answer->head.header("x-none"), "");
  EXPECT_EQ(answer->body, "wrong");
}

TEST(HttpClientTest, SixtyFourMebibytesArriveInTheCallersMemory) {
  const std::string sent = pattern(64 << 20);
  const ScriptedServer server(always(ok(sent)));
  Body body(sent.size());
  const auto answer = ask(*client_for(server), body.target());
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(body.arrived, sent.size());
  EXPECT_TRUE(body.text() == sent);
  EXPECT_EQ(answer->body, "");
}

// While a large body runs fast the client wakes for large parts of it only; nothing smaller may be
// left lying because of that.
TEST(HttpClientTest, AConnectionThatRanFastStillHearsAFewBytes) {
  const std::string large = pattern(64 << 20);
  const std::string pieces = pattern(300'000);
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    peer.send(ok(large));
    for (int count = 0; count < 3; ++count) {
      peer.read_head();
      peer.send(ok("few"));
    }
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(pieces.size()) + "\r\n\r\n");
    for (std::size_t at = 0; at < pieces.size(); at += 999) {
      peer.send(std::string_view(pieces).substr(at, 999));
    }
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n");
    peer.send(std::string(100, 'x'));
  });
  const auto client = client_for(server);
  Body whole(large.size());
  ASSERT_TRUE(ask(*client, whole.target()).has_value());
  EXPECT_TRUE(whole.text() == large);
  for (int count = 0; count < 3; ++count) {
    const auto few = ask(*client);
    ASSERT_TRUE(few.has_value()) << few.error().message;
    EXPECT_EQ(few->body, "few");
  }
  Body trickled(pieces.size());
  const auto trickle = ask(*client, trickled.target());
  ASSERT_TRUE(trickle.has_value()) << trickle.error().message;
  EXPECT_TRUE(trickled.text() == pieces);
  Body cut(8'000'000);
  expect_failure(ask(*client, cut.target()), Kind::closed);
  EXPECT_EQ(cut.arrived, 100u);
  EXPECT_EQ(client->connections_made(), 1u);
}

TEST(HttpClientTest, ALargeBodyIsSentWhole) {
  const std::string sent = pattern(64 << 20);
  std::promise<bool> same;
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    same.set_value(peer.read(sent.size()) == sent);
    peer.send(ok(""));
  });
  const auto answer = client_for(server)->send(request("PUT", std::as_bytes(std::span(sent))),
                                               collect(), usual_limits, {});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_TRUE(same.get_future().get());
}

TEST(HttpClientTest, OneConnectionServesRequestAfterRequest) {
  const ScriptedServer server(always(ok("body")));
  const auto client = client_for(server);
  for (int count = 0; count < 20; ++count) ASSERT_TRUE(ask(*client).has_value());
  EXPECT_EQ(client->connections_made(), 1u);
  EXPECT_EQ(server.connections(), 1u);
}

TEST(HttpClientTest, ManyThreadsHaveAConnectionEach) {
  const std::string sent = pattern(1 << 20);
  const ScriptedServer server(always(ok(sent)));
  const auto client = client_for(server);
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int index = 0; index < 8; ++index) {
      threads.emplace_back([&] {
        for (int count = 0; count < 20; ++count) {
          Body body(sent.size());
          if (ask(*client, body.target()) && body.text() == sent) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 160);
  EXPECT_LE(client->connections_made(), 8u);
}

TEST(HttpClientTest, NoMoreConnectionsAreKeptThanAllowed) {
  std::atomic<int> waiting = 0;
  const ScriptedServer server([&](Peer& peer) {
    while (!peer.read_head().empty()) {
      ++waiting;
      while (waiting < 2) std::this_thread::yield();  // both requests at once
      peer.send(ok(""));
    }
  });
  net::ClientOptions options = options_for(server.port());
  options.idle_connections_max = 1;
  const auto client = make_client(options);
  {
    const std::jthread other([&] { EXPECT_TRUE(ask(*client).has_value()); });
    EXPECT_TRUE(ask(*client).has_value());
  }
  EXPECT_EQ(client->connections_made(), 2u);
  waiting = 0;
  {
    const std::jthread other([&] { EXPECT_TRUE(ask(*client).has_value()); });
    EXPECT_TRUE(ask(*client).has_value());
  }
  EXPECT_EQ(client->connections_made(), 3u);
}

TEST(HttpClientTest, AConnectionThatWasIdleForTooLongIsNotUsed) {
  const ScriptedServer server(always(ok("")));
  net::ClientOptions options = options_for(server.port());
  options.idle = 0s;
  const auto client = make_client(options);
  ASSERT_TRUE(ask(*client).has_value());
  ASSERT_TRUE(ask(*client).has_value());
  EXPECT_EQ(client->connections_made(), 2u);
}

struct Ending {
  const char* name;
  const char* answer;
  unsigned connections;  // for two requests
};

class EndingTest : public testing::TestWithParam<Ending> {};

TEST_P(EndingTest, DecidesWhetherTheConnectionIsKept) {
  const ScriptedServer server(always(GetParam().answer));
  const auto client = client_for(server);
  for (int count = 0; count < 2; ++count) {
    const auto answer = ask(*client);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_EQ(answer->body, "four");
  }
  EXPECT_EQ(client->connections_made(), GetParam().connections);
}

INSTANTIATE_TEST_SUITE_P(
    All, EndingTest,
    testing::Values(
        Ending{"Plain", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour", 1},
        Ending{"Close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfour", 2},
        Ending{"Http10", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfour", 2},
        Ending{"Http10Kept",
               "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nfour", 1},
        Ending{"Chunked",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nf\r\n3;x=\"y\"\r\nour\r\n"
               "0\r\n\r\n",
               1},
        Ending{"Trailers",
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n"
               "x-amz-checksum-crc32: AAAAAA==\r\n\r\n",
               1},
        Ending{"Stray", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour\r\n", 2},
        Ending{"SameLengthTwice",
               "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nfour", 1},
        Ending{"Interim",
               "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour",
               1}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(HttpClientTest, ABodyWithoutALengthLastsUntilTheEnd) {
  const std::string sent = pattern(300'000);
  const auto answer = answer_to_get("HTTP/1.1 200 OK\r\n\r\n" + sent);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_FALSE(answer->head.content_length.has_value());
  EXPECT_TRUE(answer->body == sent);
}

TEST(HttpClientTest, ChunksFillTheCallersMemory) {
  const std::string sent = pattern(3'000'000);
  std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t begin = 0, bytes = 1; begin < sent.size(); begin += bytes, bytes *= 3) {
    bytes = std::min(bytes, sent.size() - begin);
    std::array<char, 20> line{};
    std::snprintf(line.data(), line.size(), "%zX\r\n", bytes);
    answer += line.data() + sent.substr(begin, bytes) + "\r\n";
  }
  const ScriptedServer server(always(answer + "0\r\n\r\n"));
  const auto client = client_for(server);
  for (int count = 0; count < 2; ++count) {
    Body body(sent.size());
    const auto got = ask(*client, body.target());
    ASSERT_TRUE(got.has_value()) << got.error().message;
    EXPECT_TRUE(body.text() == sent);
    EXPECT_EQ(body.arrived, sent.size());
  }
  EXPECT_EQ(client->connections_made(), 1u);
}

TEST(HttpClientTest, AnswersWithoutABodyEndWithTheirHead) {
  const ScriptedServer server([](Peer& peer) {
    while (true) {
      const std::string head = peer.read_head();
      if (head.empty()) return;
      if (head.starts_with("HEAD")) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
      } else if (head.starts_with("DELETE")) {
        peer.send("HTTP/1.1 204 No Content\r\n\r\n");
      } else {
        peer.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
      }
    }
  });
  const auto client = client_for(server);
  const auto head = client->send(request("HEAD"), collect(), usual_limits, {});
  ASSERT_TRUE(head.has_value()) << head.error().message;
  EXPECT_EQ(head->head.content_length, 1'000'000u);
  EXPECT_EQ(client->send(request("DELETE"), collect(), usual_limits, {})->head.status, 204u);
  EXPECT_EQ(client->send(request("GET"), collect(), usual_limits, {})->head.status, 304u);
  EXPECT_EQ(client->connections_made(), 1u);
}

// OpenStack Swift's S3 does this.
TEST(HttpClientTest, StrayBytesAfterAHeadDoNotReachTheNextAnswer) {
  const ScriptedServer server([](Peer& peer) {
    while (true) {
      const std::string head = peer.read_head();
      if (head.empty()) return;
      peer.send(head.starts_with("HEAD")
                    ? "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                    : ok("right"));
    }
  });
  const auto client = client_for(server);
  for (int count = 0; count < 5; ++count) {
    const auto head = client->send(request("HEAD"), collect(), usual_limits, {});
    ASSERT_TRUE(head.has_value()) << head.error().message;
    EXPECT_EQ(head->head.status, 404u);
    const auto next = ask(*client);
    ASSERT_TRUE(next.has_value()) << next.error().message;
    EXPECT_EQ(next->body, "right");
  }
}

TEST(HttpClientTest, StrayBytesThatComeLateAreToldAsAStaleConnection) {
  const ScriptedServer server([](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer.read_head();
    peer.send("0\r\n\r\n" + ok("right"));
    peer.wait_for_end();
  });
  const auto client = client_for(server);
  ASSERT_TRUE(client->send(request("HEAD"), collect(), usual_limits, {}).has_value());
  const auto next = ask(*client);
  expect_failure(next, Kind::malformed);
  EXPECT_TRUE(next.error().stale_connection);
}

TEST(HttpClientTest, ALongErrorTextIsCutAndALongSuccessIsRefused) {
  const std::string text(5000, 'x');
  const auto error =
      answer_to_get("HTTP/1.1 500 No\r\nContent-Length: 5000\r\n\r\n" + text, collect(1000));
  ASSERT_TRUE(error.has_value()) << error.error().message;
  EXPECT_EQ(error->head.status, 500u);
  EXPECT_EQ(error->body, text.substr(0, 1000));
  const auto chunked = answer_to_get(
      "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + text + "\r\n0\r\n\r\n",
      collect(1000));
  ASSERT_TRUE(chunked.has_value()) << chunked.error().message;
  EXPECT_EQ(chunked->body, text.substr(0, 1000));
  expect_failure(answer_to_get(ok(text), collect(1000)), Kind::too_long, "more than 1000 bytes");
  expect_failure(answer_to_get("HTTP/1.1 200 OK\r\n\r\n" + text, collect(1000)), Kind::too_long,
                 "more than 1000 bytes");
}

TEST(HttpClientTest, LocalhostNeedsNoResolverAndFindsTheFamilyThatListens) {
  const ScriptedServer server(
      once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  const auto client = make_client(options_for(server.port(), "localhost"));
  for (int count = 0; count < 4; ++count) {
    const auto answer = ask(*client);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
  }
  EXPECT_EQ(server.connections(), 4u);
}

}  // namespace
}  // namespace restored::net_test
