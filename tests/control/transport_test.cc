// HTTP as such: connections, deadlines, caps, the headers of every answer.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>
#include <algorithm>
#include <boost/json.hpp>

#include <latch>
#include <thread>

#include "control_test.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class TransportTest : public ControlTest {
 protected:
  void configure(EngineOptions&, ControlOptions& control) override {
    control.request_seconds = 1;
    control.idle_seconds = 2;
  }
  std::string request(std::string_view line, std::string_view more = {}) const {
    return std::string(line) + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + admin_ + "\r\n" +
           std::string(more) + "\r\n";
  }
};

TEST_F(TransportTest, BothSocketsAnswerTheSame) {
  const HttpAnswer over_unix = get("/healthz");
  const HttpAnswer over_tcp = curl({"http://" + tcp_address().substr(4) + "/healthz"});
  EXPECT_EQ(over_unix.status, 200);
  EXPECT_EQ(over_tcp.status, 200);
  EXPECT_EQ(over_unix.text, R"({"status":"ok"})");
  EXPECT_EQ(over_tcp.text, over_unix.text);
}

TEST_F(TransportTest, ReadinessFollowsTheFlag) {
  EXPECT_EQ(get("/readyz").status, 200);
  server_->set_ready(false);
  const HttpAnswer answer = get("/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_FALSE(answer.header("retry-after").empty());
  EXPECT_EQ(get("/healthz").status, 200) << "it lives all the same";
  server_->set_ready(true);
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(TransportTest, AConnectionCarriesManyRequests) {
  RawClient client(tcp_address());
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(client.send(request("GET /v1/databases")));
    std::string bytes = client.read_until("\"hasMore\":false}}");
    EXPECT_EQ(take_answer(bytes).status, 200);
  }
}

TEST_F(TransportTest, PipelinedRequestsAreAnsweredInTheirOrder) {
  RawClient client(unix_address());
  const std::string body = R"({"name":"piped"})";
  ASSERT_TRUE(client.send(
      request("GET /v1/nothing") +
      request("POST /v1/databases", "Content-Length: " + std::to_string(body.size()) + "\r\n") +
      body + request("HEAD /healthz") + request("GET /v1/databases", "Connection: close\r\n")));
  std::string bytes = client.read_to_end().bytes;
  EXPECT_EQ(take_answer(bytes).status, 404);
  EXPECT_EQ(take_answer(bytes).status, 201);
  const std::size_t head_end = bytes.find("\r\n\r\n") + 4;
  EXPECT_TRUE(bytes.starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(bytes.substr(head_end).starts_with("HTTP/1.1 200")) << "HEAD has no body";
  bytes.erase(0, head_end);
  const HttpAnswer last = take_answer(bytes);
  EXPECT_EQ(last.word("data.0.name"), "piped") << last.text;
  EXPECT_EQ(last.header("connection"), "close");
  EXPECT_EQ(bytes, "");
}

TEST_F(TransportTest, HeadIsGetWithoutTheBody) {
  const HttpAnswer whole = get("/v1/databases");
  const HttpAnswer head = call("HEAD", "/v1/databases");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.text, "");
  EXPECT_EQ(head.header("content-length"), std::to_string(whole.text.size()));
  EXPECT_EQ(head.header("content-type"), "application/json");
  EXPECT_EQ(call("HEAD", "/v1/databases/nobody").status, 404);
}

TEST_F(TransportTest, AWrongMethodNamesTheAllowedOnes) {
  const HttpAnswer answer = call("PUT", "/v1/databases", "{}");
  expect_error(answer, 405, "method-not-allowed");
  EXPECT_EQ(answer.header("allow"), "GET, HEAD, POST");
  expect_error(call("OPTIONS", "/healthz"), 405, "method-not-allowed");
  expect_error(call("BREW", "/v1/tokens"), 405, "method-not-allowed");
  const HttpAnswer second = call("GET", "/v2/redis/restore-backup/x");
  expect_second_error(second, 405);
  EXPECT_EQ(second.header("allow"), "POST");
}

TEST_F(TransportTest, UnknownPathsAre404OfTheirSurface) {
  expect_error(get("/"), 404, "resource-not-found");
  expect_error(get("/v1"), 404, "resource-not-found");
  expect_error(get("/v1/databases/"), 404, "resource-not-found");
  expect_error(get("/v3/redis/databases"), 404, "resource-not-found");
  expect_second_error(get("/v2/redis/nothing"), 404);
}

TEST_F(TransportTest, TheRequestIdIsEchoedOrMade) {
  EXPECT_EQ(call("GET", "/healthz", {}, {"X-Request-Id: my.id-1_2"}).header("x-request-id"),
            "my.id-1_2");
  const std::string first = get("/healthz").header("x-request-id");
  const std::string second = get("/healthz").header("x-request-id");
  EXPECT_EQ(first.size(), 16u);
  EXPECT_NE(first, second);
  for (const std::string odd : {"a b", "a\"b", "", "ä"}) {
    const auto answer = call("GET", "/healthz", {}, {"X-Request-Id: " + odd});
    EXPECT_EQ(answer.header("x-request-id").size(), 16u) << odd;
  }
  EXPECT_EQ(call("GET", "/healthz", {}, {"X-Request-Id: " + std::string(129, 'a')})
                .header("x-request-id")
                .size(),
            16u);
}

TEST_F(TransportTest, TheBodyIsReadWhateverItsContentTypeSays) {
  for (const char* type : {"Content-Type: application/x-www-form-urlencoded",
                           "Content-Type: text/plain", "Content-Type:"}) {
    EXPECT_EQ(call("POST", "/v1/databases", R"({"name":"typed"})", {type}).status, 201) << type;
  }
}

TEST_F(TransportTest, ChunkedBodiesAndExpectationsWork) {
  EXPECT_EQ(
      call("POST", "/v1/databases", R"({"name":"chunked"})", {"Transfer-Encoding: chunked"}).status,
      201);
  EXPECT_EQ(
      call("POST", "/v1/databases", R"({"name":"expecting"})", {"Expect: 100-continue"}).status,
      201);
}

TEST_F(TransportTest, TheCapsOfHeaderAndBodyAreExact) {
  const auto padded = [](std::size_t bytes) {
    std::string body = R"({"name":"big","x":")";
    return body + std::string(bytes - body.size() - 2, 'x') + "\"}";
  };
  EXPECT_EQ(post("/v1/databases", padded(limits::http_body_bytes_max)).status, 201);
  expect_error(post("/v1/databases", padded(limits::http_body_bytes_max + 1)), 413,
               "body-too-large");
  expect_error(call("POST", "/v1/databases", padded(limits::http_body_bytes_max + 1),
                    {"Transfer-Encoding: chunked"}),
               413, "body-too-large");
  expect_second_error(call("POST", "/v2/redis/database", padded(limits::http_body_bytes_max + 1)),
                      400);

  EXPECT_EQ(call("GET", "/healthz", {}, {"X-Pad: " + std::string(15 * kKiB, 'x')}).status, 200);
  expect_error(call("GET", "/healthz", {}, {"X-Pad: " + std::string(17 * kKiB, 'x')}), 431,
               "header-too-large");
  expect_error(post("/v1/databases", "{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"),
               400, "invalid-request");
}

TEST_F(TransportTest, ARefusedClientStillReadsItsAnswer) {
  RawClient client(tcp_address());
  ASSERT_TRUE(client.send(request("POST /v1/databases", "Content-Length: 10000000\r\n")));
  client.send(std::string(1'000'000, 'x'));  // the server may have had enough before that
  auto received = client.read_to_end();
  EXPECT_EQ(take_answer(received.bytes).status, 413);
}

TEST_F(TransportTest, ASlowRequestIsCutByItsDeadlineThoughBytesKeepComing) {
  RawClient client(tcp_address());
  ASSERT_TRUE(client.send("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "));
  const auto begin = std::chrono::steady_clock::now();
  bool cut = false;
  while (!cut && std::chrono::steady_clock::now() - begin < seconds(15)) {
    cut = !client.send("x") || client.read_to_end(milliseconds(50)).closed;
  }
  EXPECT_TRUE(cut);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(900));
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(TransportTest, AnIdleClientIsCut) {
  RawClient silent(unix_address());
  RawClient after_one(unix_address());
  ASSERT_TRUE(after_one.send(request("GET /healthz")));
  after_one.read_until("ok\"}");
  EXPECT_TRUE(silent.read_to_end(seconds(15)).closed);
  EXPECT_TRUE(after_one.read_to_end(seconds(15)).closed);
}

class UnreadTest : public TransportTest {
 protected:
  static constexpr int asked = 200;

  // Answers of several megabytes.
  std::string requests() {
    for (int index = 0; index < 20; ++index) make_database("d" + std::to_string(index), 0);
    std::string many;
    for (int index = 0; index < asked; ++index) many += request("GET /v1/databases");
    return many;
  }
};

TEST_F(UnreadTest, AClientThatNeverReadsIsCut) {
  const std::string many = requests();
  for (const std::string& address : {unix_address(), tcp_address()}) {
    RawClient client(address, RawClient::Room::little);
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(client.send(many));
    EXPECT_EQ(get("/healthz").status, 200);
    EXPECT_TRUE(test::wait_until([&] { return client.cut(); })) << address;
    EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(900)) << address;
    auto received = client.read_to_end();
    EXPECT_TRUE(received.closed) << address;
    int answered = 0;
    while (take_answer(received.bytes).body.is_object()) ++answered;
    EXPECT_LT(answered, asked) << address;
  }
}

TEST_F(UnreadTest, AClientThatDoesNotReadHoldsUpNoStop) {
  RawClient client(unix_address());
  ASSERT_TRUE(client.send(requests()));
  EXPECT_NE(client.read_until("HTTP/1.1 200"), "");
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(15));
}

TEST_F(TransportTest, StopAnswersWhatRunsAndClosesTheRest) {
  RawClient idle(unix_address());
  RawClient waiting(unix_address());
  const DatabaseId database = make_database("held");
  const BackupId backup = make_backup(database);
  const auto keyspace = engine_->keyspace(database);
  WritePermit permit = keyspace->try_begin_write();  // the swap waits for it
  const HttpAnswer started = post(restore_path(database), restore_body(database, backup));
  const std::string operation = started.header("operation-location");
  ASSERT_TRUE(waiting.send(request("GET " + operation + "/wait?timeout=600")));
  // The server has it once the request after it on the same thread was answered.
  ASSERT_EQ(get("/healthz").status, 200);
  std::thread stopper([&] { server_->stop(); });
  auto received = waiting.read_to_end();
  EXPECT_TRUE(received.closed);
  const HttpAnswer answer = take_answer(received.bytes);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.word("data.status"), "running") << answer.text;
  EXPECT_TRUE(idle.read_to_end().closed);
  stopper.join();
  EXPECT_FALSE(RawClient("unix:" + socket_path()).connected());
  permit.release();
  ended(OperationId(operation.substr(15)));
}

class LeavingTest : public TransportTest {
 protected:
  void SetUp() override {
    TransportTest::SetUp();
    const DatabaseId database = make_database("held");
    const BackupId backup = make_backup(database);
    permit_ = engine_->keyspace(database)->try_begin_write();
    const HttpAnswer started = post(restore_path(database), restore_body(database, backup));
    operation_ = started.header("operation-location");
  }
  void TearDown() override {
    permit_.release();
    EXPECT_EQ(ended(OperationId(operation_.substr(15))).state, OperationState::succeeded);
    TransportTest::TearDown();
  }
  std::string wait() const { return request("GET " + operation_ + "/wait?timeout=600"); }
  void expect_room() {
    EXPECT_TRUE(test::wait_until([&] {
      const auto begin = std::chrono::steady_clock::now();
      return get(operation_ + "/wait?timeout=1").status == 200 &&
             std::chrono::steady_clock::now() - begin >= milliseconds(900);
    })) << "no wait is held any more";
  }

  WritePermit permit_;  // the swap waits for it
  std::string operation_;
};

TEST_F(LeavingTest, AWaitEndsWhenItsClientLeaves) {
  // More clients than there is room for waits, one after the other: each frees its place.
  for (unsigned round = 0; round < 2 * limits::http_waiters_max; ++round) {
    RawClient client(unix_address());
    ASSERT_TRUE(client.send(wait()));
  }
  expect_room();
}

double process_seconds();

// The byte is all that a wait for reading would see.
TEST_F(LeavingTest, AWaitEndsWhenItsClientLeavesAfterAByteOfItsNextRequest) {
  for (const std::string& address : {unix_address(), tcp_address()}) {
    std::vector<RawClient> clients;
    for (unsigned index = 0; index <= limits::http_waiters_max; ++index) {
      clients.emplace_back(address);
      ASSERT_TRUE(clients.back().send(wait() + "G"));
    }
    // Whichever comes last finds no room and is answered at once: then all others wait.
    ASSERT_TRUE(
        test::wait_until([&] { return std::ranges::any_of(clients, &RawClient::readable); }));
    const auto waiting = std::ranges::find_if_not(clients, &RawClient::readable);
    ASSERT_NE(waiting, clients.end());
    const double before = process_seconds();
    EXPECT_EQ(waiting->read_to_end(seconds(1)).bytes, "");
    EXPECT_LT(process_seconds() - before, 0.4) << "a byte that stands there is no reason to spin";
    clients.clear();
    expect_room();
  }
}

TEST_F(TransportTest, ManyClientsAtOnceAreAllAnswered) {
  make_database("busy");
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  for (int index = 0; index < 16; ++index) {
    clients.emplace_back([&, index] {
      RawClient client(index % 2 == 0 ? unix_address() : tcp_address());
      for (int round = 0; round < 20; ++round) {
        client.send(request("GET /v1/databases"));
        std::string bytes = client.read_until("\"hasMore\":false}}");
        if (take_answer(bytes).status == 200) ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 16 * 20);
}

TEST_F(TransportTest, ClientsBeyondTheLimitAreTurnedAway) {
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t index = 0; index < limits::http_clients_max; ++index) {
    clients.push_back(std::make_unique<RawClient>(unix_address()));
    ASSERT_TRUE(clients.back()->connected());
  }
  RawClient more(unix_address());
  std::string bytes = more.read_until("}}");
  const HttpAnswer refused = take_answer(bytes);
  expect_error(refused, 503, "too-many-clients");
  EXPECT_EQ(refused.header("retry-after"), "2");
  clients.clear();
  EXPECT_TRUE(test::wait_until([&] { return get("/healthz").status == 200; }));
}

double process_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

TEST_F(TransportTest, RunningOutOfDescriptorsNeitherSpinsNorDeafens) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  RawClient early(unix_address());
  // A client of its own needs one descriptor too: the limit falls to just above what is open.
  RawClient late(unix_address());
  ASSERT_TRUE(early.send(request("GET /healthz")));
  early.read_until("ok\"}");
  std::vector<UniqueFd> hoard;
  const rlimit low{256, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  while (true) {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd) break;
    hoard.push_back(std::move(fd));
  }
  ASSERT_FALSE(hoard.empty());
  hoard.pop_back();
  RawClient waiting(unix_address());  // takes the last descriptor; accept finds none
  ASSERT_TRUE(waiting.connected());
  ASSERT_TRUE(waiting.send(request("GET /healthz")));
  const double begin = process_seconds();
  EXPECT_EQ(waiting.read_to_end(milliseconds(1000)).bytes, "") << "it cannot be accepted yet";
  EXPECT_LT(process_seconds() - begin, 0.4) << "a second of waiting is not a second of work";
  hoard.clear();
  const std::string answer = waiting.read_until("ok\"}");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
}

}  // namespace
}  // namespace restored::control
