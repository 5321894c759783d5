// Bytes that are not HTTP, or not quite: an error or a closed connection, never a crash or a hang.
#include <gtest/gtest.h>

#include <random>

#include "control_test.h"

namespace restored::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MalformedTest : public ControlTest {
 protected:
  void configure(EngineOptions&, ControlOptions& control) override {
    control.request_seconds = 1;
    control.idle_seconds = 1;
  }
  // What the server does with these bytes when nothing follows.
  HttpAnswer answer_to(std::string_view bytes) {
    RawClient client(unix_address());
    client.send(bytes);
    auto received = client.read_to_end();
    EXPECT_TRUE(received.closed) << "the connection stays open";
    return take_answer(received.bytes);
  }
};

TEST_F(MalformedTest, GarbageIs400AndTheConnectionEnds) {
  const std::string nul(1, '\0');
  const std::string cases[] = {
      "hello\r\n\r\n",
      "GET\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET / HTTP/1.1\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\n: no name\r\n\r\n",
      "GET / HTTP/1.1\r\nBad Name: x\r\n\r\n",
      "GET /" + nul + " HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nX: a" + nul + "b\r\n\r\n",
      nul + nul + nul + nul,
      "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
      "POST /v1/databases HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "POST /v1/databases HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
      "POST /v1/databases HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  // a TLS greeting
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  };
  for (const std::string& bytes : cases) {
    RawClient client(unix_address());
    client.send(bytes);
    auto received = client.read_to_end();
    EXPECT_TRUE(received.closed) << bytes;
    // Cut off by the deadline, or refused: both end it.
    if (received.bytes.empty()) continue;
    const HttpAnswer answer = take_answer(received.bytes);
    EXPECT_EQ(answer.status, 400) << bytes;
    EXPECT_EQ(answer.word("error.code"), "invalid-request") << answer.text;
    EXPECT_EQ(received.bytes, "") << "one answer, then the end";
  }
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(MalformedTest, LengthAndChunkingTogetherAreNeverTwoRequests) {
  auto bytes =
      "POST /v1/databases HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked"
      "\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  RawClient client(unix_address());
  client.send(bytes);
  auto received = client.read_to_end();
  EXPECT_TRUE(received.closed);
  EXPECT_EQ(received.bytes.find("\"ok\""), std::string::npos) << received.bytes;
}

TEST_F(MalformedTest, ARequestCutOffAtAnyByteEndsQuietly) {
  const std::string whole = "POST /v1/databases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                            admin_ + "\r\nContent-Length: 15\r\n\r\n{\"name\":\"whole";
  for (std::size_t length = 1; length <= whole.size(); length += 3) {
    RawClient client(unix_address());
    ASSERT_TRUE(client.send(whole.substr(0, length)));
    client.close();
  }
  const HttpAnswer list = get("/v1/databases");
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.text.find("whole"), std::string::npos) << "half a request made a database";
}

TEST_F(MalformedTest, EndlessHeadersAreRefusedLongBeforeTheyFillMemory) {
  RawClient client(tcp_address());
  ASSERT_TRUE(client.send("GET /healthz HTTP/1.1\r\n"));
  for (int line = 0; line < 2000; ++line) {
    if (!client.send("X-Header-" + std::to_string(line) + ": " + std::string(100, 'x') + "\r\n")) {
      break;
    }
  }
  auto received = client.read_to_end();
  EXPECT_TRUE(received.closed);
  if (received.bytes.empty()) return;  // cut off: the answer was lost with the unread bytes
  EXPECT_EQ(take_answer(received.bytes).status, 431);
}

TEST_F(MalformedTest, AnEndlessLineIsRefused) {
  EXPECT_EQ(answer_to("GET /" + std::string(200'000, 'a')).status, 431);
  EXPECT_EQ(answer_to("GET /healthz HTTP/1.1\r\nX: " + std::string(200'000, 'a')).status, 431);
}

TEST_F(MalformedTest, AnEndlessChunkExtensionIsRefused) {
  RawClient client(unix_address());
  client.send("POST /v1/databases HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
              std::string(500'000, 'x'));
  auto received = client.read_to_end();
  EXPECT_TRUE(received.closed);
  if (!received.bytes.empty()) {
    const int status = take_answer(received.bytes).status;
    EXPECT_TRUE(status == 400 || status == 413) << status;
  }
}

TEST_F(MalformedTest, AnAbsoluteTargetCountsFromItsPath) {
  RawClient client(unix_address());
  ASSERT_TRUE(
      client.send("GET http://anywhere.example/healthz?x=1 HTTP/1.1\r\nHost: x\r\n\r\n"
                  "GET http://anywhere.example HTTP/1.1\r\nHost: x\r\n\r\n"
                  "CONNECT anywhere.example:80 HTTP/1.1\r\nHost: x\r\n\r\n"
                  "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  std::string bytes = client.read_to_end().bytes;
  EXPECT_EQ(take_answer(bytes).status, 200);
  EXPECT_EQ(take_answer(bytes).status, 404);
  EXPECT_EQ(take_answer(bytes).status, 404);
  EXPECT_EQ(take_answer(bytes).status, 404);
}

TEST_F(MalformedTest, Http10ClientsAreAnsweredAndClosed) {
  const HttpAnswer answer = answer_to("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, R"({"status":"ok"})");
}

TEST_F(MalformedTest, RandomBytesAndMutationsNeverHarm) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string valid =
      "POST /v1/databases/db_x/restore?limit=1 HTTP/1.1\r\nHost: x\r\n"
      "Authorization: Bearer " +
      admin_ +
      "\r\nContent-Length: 52\r\n\r\n"
      R"({"source":{"type":"backup","databaseId":"a","b":{}}})";
  for (int round = 0; round < 300; ++round) {
    std::string bytes = valid;
    for (unsigned change = 0; change <= random() % 4; ++change) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 3) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.insert(at, 1 + random() % 8, static_cast<char>(random()));
          break;
        default:
          bytes.erase(at, 1 + random() % 8);
          break;
      }
    }
    RawClient client(unix_address());
    client.send(bytes);
    client.close();
  }
  EXPECT_EQ(get("/healthz").status, 200);
}

}  // namespace
}  // namespace restored::control
