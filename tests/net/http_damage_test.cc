// Servers that break off, lie, or speak something else.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>

#include "client_fixture.h"
#include "support/wait_until.h"

namespace restored::net_test {
namespace {

TEST(HttpDamageTest, AConnectionThatEndsBeforeTheAnswerIsClosed) {
  const auto answer = answer_to_get("");
  expect_failure(answer, Kind::closed, "127.0.0.1:");
  EXPECT_FALSE(answer.error().stale_connection) << "it was new";
  expect_failure(answer_to_get("HTTP/1.1 200 OK\r\nContent-Le"), Kind::closed);
}

TEST(HttpDamageTest, AKeptConnectionThatEndsWithoutAnAnswerIsStale) {
  for (const bool hard : {false, true}) {
    const ScriptedServer server([hard](Peer& peer) {
      peer.read_head();
      peer.send(ok(""));
      peer.read_head();
      if (hard) peer.reset();
    });
    const auto client = client_for(server);
    ASSERT_TRUE(ask(*client).has_value());
    const auto answer = ask(*client);
    expect_failure(answer, Kind::closed);
    EXPECT_TRUE(answer.error().stale_connection);
    EXPECT_EQ(client->connections_made(), 1u);
  }
}

TEST(HttpDamageTest, AKeptConnectionThatEndsWithinItsAnswerIsNotStale) {
  const ScriptedServer server([](Peer& peer) {
    peer.read_head();
    peer.send(ok(""));
    peer.read_head();
    peer.send("HTTP");
  });
  const auto client = client_for(server);
  ASSERT_TRUE(ask(*client).has_value());
  const auto answer = ask(*client);
  expect_failure(answer, Kind::closed);
  EXPECT_FALSE(answer.error().stale_connection);
}

TEST(HttpDamageTest, AConnectionThatTheServerClosedMeanwhileIsNotUsed) {
  const ScriptedServer server([](Peer& peer) {
    peer.read_head();
    peer.send(ok("one"));
  });
  const auto client = client_for(server);
  for (unsigned count = 1; count <= 5; ++count) {
    // Whether the end arrives before the connection is kept or after: it is never used again, but
    // in the moment between the look and the request.
    const auto answer = ask(*client);
    if (!answer) {
      EXPECT_TRUE(answer.error().stale_connection) << answer.error().message;
    }
  }
  EXPECT_GE(client->connections_made(), 3u);
}

TEST(HttpDamageTest, AShortBodyTellsWhatArrived) {
  const std::string sent = pattern(8 << 20);
  for (const std::size_t part :
       {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20, sent.size() - 1}) {
    for (const bool hard : {false, true}) {
      const ScriptedServer server([&](Peer& peer) {
        peer.read_head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(sent.size()) + "\r\n\r\n");
        peer.send(std::string_view(sent).substr(0, part));
        if (hard) peer.reset();
      });
      Body body(sent.size());
      const auto answer = ask(*client_for(server), body.target());
      expect_failure(answer, Kind::closed);
      if (hard) {
        EXPECT_LE(body.arrived, part) << "a reset may overtake bytes";
      } else {
        EXPECT_EQ(body.arrived, part);
      }
      EXPECT_TRUE(body.text().substr(0, body.arrived) == sent.substr(0, body.arrived));
    }
  }
}

TEST(HttpDamageTest, AShortChunkedBodyTellsWhatArrived) {
  Body body(100);
  const auto answer = answer_to_get(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n10\r\nxyz",
      body.target());
  expect_failure(answer, Kind::closed);
  EXPECT_EQ(body.arrived, 19u);
}

TEST(HttpDamageTest, ABodyOfAnotherLengthThanWantedIsRefused) {
  Body longer(10);
  expect_failure(answer_to_get(ok("eleven byte"), longer.target()), Kind::malformed);
  EXPECT_EQ(longer.arrived, 0u) << "refused before it was read";

  Body shorter(10);
  expect_failure(answer_to_get(ok("nine byte"), shorter.target()), Kind::closed, "9 of 10 bytes");
  EXPECT_EQ(shorter.arrived, 9u);
  EXPECT_EQ(shorter.text().substr(0, 9), "nine byte");

  Body empty(10);
  expect_failure(answer_to_get(ok(""), empty.target()), Kind::closed);

  Body chunked(10);
  expect_failure(answer_to_get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\neleven "
                               "byte\r\n0\r\n\r\n",
                               chunked.target()),
                 Kind::malformed);
  Body until_end(10);
  expect_failure(answer_to_get("HTTP/1.1 200 OK\r\n\r\neleven byte", until_end.target()),
                 Kind::malformed);
  Body until_early_end(10);
  expect_failure(answer_to_get("HTTP/1.1 200 OK\r\n\r\nnine byte", until_early_end.target()),
                 Kind::closed);
  EXPECT_EQ(until_early_end.arrived, 9u);
}

struct Bad {
  const char* name;
  const char* answer;
  Kind kind = Kind::malformed;
};

class MalformedTest : public testing::TestWithParam<Bad> {};

TEST_P(MalformedTest, IsRefused) {
  const ScriptedServer server([](Peer& peer) {
    peer.read_head();
    peer.send(GetParam().answer);
    peer.wait_for_end();
  });
  const auto client = client_for(server);
  const Stopwatch watch;
  expect_failure(ask(*client), GetParam().kind, "not a valid answer");
  EXPECT_LT(watch.elapsed(), 5s) << "refused, not waited for";
}

INSTANTIATE_TEST_SUITE_P(
    All, MalformedTest,
    testing::Values(
        Bad{"OtherProtocol", "SSH-2.0-OpenSSH_9.2\r\n"}, Bad{"Terminator", "0\r\n\r\n"},
        Bad{"OtherVersion", "HTTP/2.0 200 OK\r\n\r\n"},
        Bad{"StatusOfFourDigits", "HTTP/1.1 2000 OK\r\n\r\n"},
        Bad{"SpaceInHeaderName", "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n"},
        Bad{"UnaskedUpgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"},
        Bad{"LengthAndChunked",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        Bad{"ChunkedAndLength",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"},
        Bad{"EncodedAndLength",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 4\r\n\r\nfour"},
        Bad{"OtherEncoding",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        Bad{"TwoLengths", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfour5"},
        Bad{"TwoLengthsInOne", "HTTP/1.1 200 OK\r\nContent-Length: 4, 5\r\n\r\nfour5"},
        Bad{"NegativeLength", "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nfour"},
        Bad{"LengthInWords", "HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\nfour"},
        Bad{"HugeLength", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nfour",
            Kind::too_long},
        Bad{"LengthBeyondAll",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\nfour"},
        Bad{"ChunkSizeInWords",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n"},
        Bad{"NegativeChunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n"},
        Bad{"ChunkBeyondAll",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"},
        Bad{"ChunkLongerThanSaid",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"}),
    [](const auto& instance) { return std::string(instance.param.name); });

// What a server may send without an end, until the client ends the connection.
class FloodTest : public testing::TestWithParam<Bad> {};

TEST_P(FloodTest, IsRefusedAtALimit) {
  std::promise<std::size_t> flooded;
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    const std::string answer = GetParam().answer;
    const auto split = answer.find('|');
    peer.send(answer.substr(0, split));
    std::size_t sent = 0;
    while (sent < (256u << 20) && peer.send(answer.substr(split + 1))) {
      sent += answer.size() - split - 1;
    }
    flooded.set_value(sent);
  });
  expect_failure(ask(*client_for(server)), GetParam().kind);
  EXPECT_LT(flooded.get_future().get(), 256u << 20);
}

INSTANTIATE_TEST_SUITE_P(
    All, FloodTest,
    testing::Values(Bad{"Headers", "HTTP/1.1 200 OK\r\n|X-Header: some value or other\r\n"},
                    Bad{"OneHeader", "HTTP/1.1 200 OK\r\nX-Header: |aaaaaaaaaaaaaaaaaaaaaaaaaaa"},
                    Bad{"Reason", "HTTP/1.1 200 |OK OK OK OK OK OK OK OK OK OK OK OK OK OK OK"},
                    Bad{"Interim", "|HTTP/1.1 100 Continue\r\n\r\n"},
                    Bad{"ChunkExtension",
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5|;a=bbbbbbbbbbbbb"},
                    Bad{"Trailers",
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n|"
                        "X-Trailer: some value or other\r\n"},
                    Bad{"Chunks",
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n|"
                        "10\r\n0123456789abcdef\r\n",
                        Kind::too_long},
                    Bad{"Body", "HTTP/1.1 200 OK\r\n\r\n|0123456789abcdef", Kind::too_long}),
    [](const auto& instance) { return std::string(instance.param.name); });

class EarlyAnswerTest : public testing::TestWithParam<bool> {};

// A server that is overloaded says so at once, and does not read 64 MiB first.
TEST_P(EarlyAnswerTest, IsReadWhileTheBodyIsStillBeingSent) {
  const bool closes = GetParam();
  const std::string sent(64 << 20, 'x');
  std::atomic<unsigned> answers = 0;
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    peer.read(1 << 20);
    peer.send("HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nslow");
    // It reads nothing more, and keeps the connection until the client has its answer.
    if (!closes) test::wait_until([&] { return answers > peer.index(); });
  });
  const auto client = client_for(server);
  for (int count = 0; count < 10; ++count) {
    const Stopwatch watch;
    const auto answer =
        client->send(request("PUT", std::as_bytes(std::span(sent))), collect(), usual_limits, {});
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_EQ(answer->head.status, 503u);
    EXPECT_EQ(answer->body, "slow");
    EXPECT_LT(watch.elapsed(), 5s);
    ++answers;
  }
  EXPECT_EQ(client->connections_made(), 10u) << "the rest of the body is no next request";
}

INSTANTIATE_TEST_SUITE_P(All, EarlyAnswerTest, testing::Bool(), [](const auto& instance) {
  return std::string(instance.param ? "Closes" : "StopsReading");
});

TEST(HttpDamageTest, AnEarlySuccessDoesNotEndTheBody) {
  const std::string sent = pattern(16 << 20);
  std::promise<bool> same;
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    std::string body = peer.read(1 << 20);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    body += peer.read(sent.size() - body.size());
    same.set_value(body == sent);
    peer.send("ok");
  });
  const auto answer = client_for(server)->send(request("PUT", std::as_bytes(std::span(sent))),
                                               collect(), usual_limits, {});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_TRUE(same.get_future().get());
}

TEST(HttpDamageTest, AServerThatGoesWithoutAWordWhileTheBodyIsSentIsClosed) {
  const std::string sent(64 << 20, 'x');
  const ScriptedServer server([](Peer& peer) {
    peer.read_head();
    peer.read(1 << 20);
  });
  expect_failure(client_for(server)->send(request("PUT", std::as_bytes(std::span(sent))), collect(),
                                          usual_limits, {}),
                 Kind::closed, "sending the request");
}

}  // namespace
}  // namespace restored::net_test
