// GET /v1/operations/{id}/events over real sockets.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <random>

#include "control_test.h"
#include "event_client.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class EventStreamTest : public ControlTest {
 protected:
  void configure(EngineOptions&, ControlOptions& options) override {
    options.events = events_;
    options.request_seconds = request_seconds_;
    options.idle_seconds = 1;
  }
  void SetUp() override {}  // each test chooses first
  void begin() {
    start();
    database_ = make_database("worked-on");
    backup_ = make_backup(database_);
    path_ = "/v1/databases/" + database_.value;
  }
  // A restore that stands before its swap for as long as the permit is held; the path of its
  // events.
  std::string held_restore() {
    permit_ = engine_->keyspace(database_)->try_begin_write();
    EXPECT_TRUE(permit_);
    const HttpAnswer begun = post(path_ + "/restore", restore_body(database_, backup_));
    const OperationId id(begun.header("operation-location").substr(15));
    EXPECT_TRUE(test::wait_until([&] { return engine_->operation(id)->phase == Phase::swap; }));
    return begun.header("operation-location") + "/events";
  }
  // A backup of more than one part, each of which holds the next one back for seconds.
  std::string slow_backup() {
    std::mt19937_64 random(++seed_);
    WriteSet changes;
    for (int row = 0; row < 160; ++row) {
      std::string value("\x10", 1);
      while (value.size() < 128 * kKiB) value += static_cast<char>(random());
      changes.put("kbig" + std::to_string(row), value);
    }
    const WritePermit permit = engine_->keyspace(database_)->try_begin_write();
    EXPECT_TRUE(engine_->keyspace(database_)->write(permit, changes, Durability::process));
    const HttpAnswer begun = post(path_ + "/backups", R"({"bandwidthBytesPerSecond":1000000})");
    return begun.header("operation-location") + "/events";
  }
  EventClient follow(const std::string& path, const std::string& headers = {}) {
    return {address(), admin_, path, headers};
  }

  EventOptions events_;
  unsigned request_seconds_ = 30;
  DatabaseId database_;
  BackupId backup_;
  std::string path_;
  WritePermit permit_;
  std::uint64_t seed_ = 0;  // no two of the backups have content in common
};

TEST_F(EventStreamTest, BeginsWithTheStateOfNowAndClosesAfterTheEnd) {
  begin();
  const std::string path = held_restore();
  EventClient client = follow(path);
  EXPECT_EQ(client.head().status, 200);
  EXPECT_EQ(client.head().header("content-type"), "text/event-stream");
  EXPECT_EQ(client.head().header("transfer-encoding"), "chunked");
  EXPECT_FALSE(client.head().header("x-request-id").empty());
  const auto first = client.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->type, "state");
  EXPECT_FALSE(first->id.empty());
  expect_members(first->data, operation_members);
  EXPECT_EQ(first->word("status"), "running");
  EXPECT_EQ(first->word("phase"), "swap");
  const HttpAnswer shown = get(path.substr(0, path.rfind('/')));
  EXPECT_EQ(first->word("url"), shown.word("data.url"));
  EventClient remote(tcp_address(), admin_, path);
  EXPECT_EQ(remote.next().value_or(Event()).id, first->id) << "over TCP, too";
  permit_.release();
  EXPECT_EQ(remote.last().value_or(Event()).type, "end");
  EXPECT_TRUE(remote.over());
  const auto last = client.last();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->type, "end");
  EXPECT_EQ(last->word("status"), "succeeded");
  EXPECT_EQ(boost::json::serialize(last->data),
            boost::json::serialize(get(path.substr(0, path.rfind('/'))).at("data")));
  EXPECT_TRUE(client.over());
  EXPECT_TRUE(client.socket().read_to_end().closed) << "by the server";
}

TEST_F(EventStreamTest, AnOperationThatHasEndedIsToldOnceMoreHoweverOftenItIsAsked) {
  begin();
  const OperationView view =
      ended_operation_of(post(path_ + "/restore", restore_body(database_, backup_)));
  const std::string path = "/v1/operations/" + view.id.value + "/events";
  const HttpAnswer whole = get(path);  // curl, and the comparison with openapi.json
  EXPECT_EQ(whole.status, 200);
  EventClient client = follow(path);
  const auto only = client.next();
  ASSERT_TRUE(only);
  EXPECT_EQ(only->type, "end");
  EXPECT_FALSE(client.next());
  EXPECT_TRUE(client.over());
  for (const std::string& headers : {"Last-Event-ID: " + only->id + "\r\n", std::string()}) {
    EventClient again = follow(headers.empty() ? path + "?after=" + only->id : path, headers);
    const auto once_more = again.next();
    ASSERT_TRUE(once_more);
    EXPECT_EQ(once_more->type, "end");
    EXPECT_EQ(once_more->id, only->id);
    EXPECT_FALSE(again.next());
  }
  stop();
  start();
  EventClient later = follow(path, "Last-Event-ID: " + only->id + "\r\n");
  const auto kept = later.next();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->type, "end") << "over a restart of the agent";
  EXPECT_EQ(kept->id, only->id);
}

TEST_F(EventStreamTest, WhoComesBackHearsNothingTwiceAndMissesNothing) {
  events_.heartbeat_millis = 300;
  begin();
  const std::string path = held_restore();
  EventClient first = follow(path);
  const auto state = first.next();
  ASSERT_TRUE(state);
  first.socket().close();
  EventClient second = follow(path, "Last-Event-ID: " + state->id + "\r\n");
  const auto silence = second.next();
  ASSERT_TRUE(silence);
  EXPECT_EQ(silence->type, "heartbeat") << "nothing has changed";
  second.socket().close();
  EventClient third = follow(path + "?after=0000000000000000-0000000000000000");
  EXPECT_EQ(third.next().value_or(Event()).type, "state") << "an id that fits nothing";
  EventClient fourth = follow(path + "?after=nonsense");
  EXPECT_EQ(fourth.next().value_or(Event()).type, "state");
  permit_.release();
  EventClient fifth = follow(path, "Last-Event-ID: " + state->id + "\r\n");
  EXPECT_EQ(fifth.last().value_or(Event()).type, "end") << "what came while nobody followed";
  EXPECT_EQ(third.last().value_or(Event()).word("status"), "succeeded");
  EXPECT_EQ(fourth.last().value_or(Event()).word("status"), "succeeded");
}

TEST_F(EventStreamTest, LinesOfJsonWhereTheyAreAskedFor) {
  events_.heartbeat_millis = 300;
  begin();
  const std::string path = held_restore();
  EventClient client = follow(path, "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(client.head().header("content-type"), "application/x-ndjson");
  const auto first = client.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->type, "state");
  expect_members(first->data, operation_members);
  EXPECT_EQ(client.next().value_or(Event()).type, "heartbeat");
  permit_.release();
  const auto last = client.last();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->type, "end");
  EXPECT_EQ(last->word("status"), "succeeded");
  EXPECT_FALSE(last->id.empty());
}

// An earlier design looked every second and took each look for an event.
TEST_F(EventStreamTest, AHeartbeatComesInASilenceThatIsLongerThanTheSpanOfProgress) {
  events_.heartbeat_millis = 1500;
  begin();
  EventClient client = follow(held_restore());
  ASSERT_TRUE(client.next());
  for (int beat = 0; beat < 2; ++beat) {
    const auto begin = std::chrono::steady_clock::now();
    const auto event = client.next(seconds(10));
    const auto took = std::chrono::steady_clock::now() - begin;
    ASSERT_TRUE(event);
    EXPECT_EQ(event->type, "heartbeat");
    EXPECT_GE(took, milliseconds(1300));
    EXPECT_LT(took, milliseconds(5000));
  }
  permit_.release();
  EXPECT_EQ(client.last().value_or(Event()).type, "end");
}

TEST_F(EventStreamTest, ProgressComesWhileBytesMoveAndACancelEndsIt) {
  events_.poll_millis = 1;
  events_.progress_millis = 1;
  begin();
  // Bytes move for an instant, then the limit holds them: a follower who came too late for the
  // instant tries another backup.
  std::optional<Event> progress;
  for (int tries = 0; !progress && tries < 20; ++tries) {
    const std::string path = slow_backup();
    EventClient client = follow(path);
    while (std::optional<Event> event = client.next(milliseconds(500))) {
      if (event->type == "progress") progress = std::move(event);
    }
    ASSERT_FALSE(client.over());
    EXPECT_EQ(call("DELETE", path.substr(0, path.rfind('/'))).status, 202);
    const auto last = client.last();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->type, "end");
    EXPECT_EQ(last->word("status"), "cancelled");
  }
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->word("status"), "running");
  EXPECT_GT(progress->data.at("bytesDone").to_number<std::uint64_t>(), 0u);
}

TEST_F(EventStreamTest, AChangedLimitIsToldAtOnce) {
  events_.progress_millis = 60'000;
  begin();
  const std::string path = slow_backup();
  EventClient client = follow(path);
  const std::string operation = path.substr(0, path.rfind('/'));
  EXPECT_EQ(call("PATCH", operation, R"({"bandwidthBytesPerSecond":131072})").status, 200);
  std::int64_t limit = 0;
  while (limit != 131072) {
    const auto event = client.next();
    ASSERT_TRUE(event);
    limit = event->data.at("bandwidthBytesPerSecond").to_number<std::int64_t>();
  }
  EXPECT_EQ(call("DELETE", operation).status, 202);
  EXPECT_EQ(client.last().value_or(Event()).type, "end");
}

TEST_F(EventStreamTest, ErrorsAreOrdinaryAnswers) {
  begin();
  const std::string path = held_restore();
  expect_error(get("/v1/operations/nothing/events"), 404, "resource-not-found");
  expect_error(call("GET", path, std::nullopt, {"Authorization: Bearer x"}), 401,
               "authentication-required");
  const std::string restorer = new_token(static_cast<Scopes>(Scope::restore));
  expect_error(call("GET", path, std::nullopt, {"Authorization: Bearer " + restorer}), 403,
               "permission-missing");
  const HttpAnswer refused = post(path);
  expect_error(refused, 405, "method-not-allowed");
  EXPECT_EQ(refused.header("allow"), "GET, HEAD");
  const HttpAnswer head = call("HEAD", path);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-type"), "text/event-stream");
  EXPECT_EQ(head.text, "");
  permit_.release();
}

TEST_F(EventStreamTest, AnOldClientGetsThemWithoutChunks) {
  begin();
  const OperationView view =
      ended_operation_of(post(path_ + "/restore", restore_body(database_, backup_)));
  RawClient client(address());
  ASSERT_TRUE(client.send("GET /v1/operations/" + view.id.value +
                          "/events HTTP/1.0\r\nAuthorization: Bearer " + admin_ + "\r\n\r\n"));
  const auto received = client.read_to_end();
  EXPECT_TRUE(received.closed);
  EXPECT_EQ(received.bytes.find("chunked"), std::string::npos);
  EXPECT_NE(received.bytes.find("\r\n\r\nevent: end\nid: "), std::string::npos) << received.bytes;
  EXPECT_TRUE(received.bytes.ends_with("}\n\n"));
}

TEST_F(EventStreamTest, StreamsBeyondTheLimitAreRefusedUntilOneLeaves) {
  events_.streams_max = 2;
  begin();
  const std::string path = held_restore();
  EventClient one = follow(path);
  {
    EventClient two = follow(path);
    ASSERT_TRUE(one.next());
    ASSERT_TRUE(two.next());
    const HttpAnswer refused = get(path);
    expect_error(refused, 503, "too-many-clients");
    EXPECT_FALSE(refused.header("retry-after").empty());
  }
  // The second has left in a silence: its place is free long before a heartbeat would fail.
  EXPECT_TRUE(test::wait_until([&] { return follow(path).head().status == 200; }));
  permit_.release();
  EXPECT_EQ(one.last().value_or(Event()).type, "end");
}

TEST_F(EventStreamTest, StreamsHoldNoThread) {
  begin();
  const std::string path = held_restore();
  std::vector<std::unique_ptr<EventClient>> clients;
  for (unsigned index = 0; index < limits::http_waiters_max + 4 * limits::http_workers; ++index) {
    clients.push_back(std::make_unique<EventClient>(address(), admin_, path));
    ASSERT_TRUE(clients.back()->next()) << index;
  }
  EXPECT_EQ(get("/v1/databases").status, 200);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(get(path.substr(0, path.rfind('/')) + "/wait?timeout=1").word("data.status"),
            "running");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(900)) << "there is room to wait";
  permit_.release();
  for (const auto& client : clients) EXPECT_EQ(client->last().value_or(Event()).type, "end");
}

TEST_F(EventStreamTest, WhoDoesNotReadIsCutAndHearsTheEndWhenHeComesBack) {
  events_.poll_millis = 1;
  events_.heartbeat_millis = 1;
  request_seconds_ = 1;
  begin();
  const std::string path = held_restore();
  EventClient slow(address(), admin_, path, {}, RawClient::Room::little);
  const auto first = slow.next();
  ASSERT_TRUE(first);
  EventClient quick = follow(path);
  ASSERT_TRUE(quick.next());
  // Until the socket is full, and a second after that. Nobody reads `slow` meanwhile.
  const auto cut = [&] {
    for (int count = 0; count < 100; ++count) {
      if (quick.next(milliseconds(10)).value_or(Event()).type != "heartbeat") break;
    }
    return slow.socket().cut();
  };
  EXPECT_TRUE(test::wait_until(cut, seconds(60)));
  permit_.release();
  EXPECT_EQ(quick.last().value_or(Event()).type, "end") << "the quick one is none the worse";
  slow.last();
  EXPECT_FALSE(slow.over()) << "cut, not ended";
  EventClient back = follow(path, "Last-Event-ID: " + first->id + "\r\n");
  EXPECT_EQ(back.last().value_or(Event()).type, "end");
}

// Each heartbeat leaves the agent's hands at once, and none arrives.
TEST_F(EventStreamTest, WhoVanishesWithoutAWordIsCut) {
  events_.streams_max = 1;
  events_.heartbeat_millis = 200;
  request_seconds_ = 2;
  begin();
  const std::string path = held_restore();
  EventClient gone(tcp_address(), admin_, path);
  ASSERT_TRUE(gone.next());
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(gone.socket().vanish());
  EXPECT_EQ(follow(path).head().status, 503) << "its place is taken";
  EXPECT_TRUE(test::wait_until([&] { return follow(path).head().status == 200; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(1800)) << "not in a hurry";
  permit_.release();
}

TEST_F(EventStreamTest, AStopEndsThemPolitelyAndIsNotHeldUp) {
  begin();
  const std::string path = held_restore();
  EventClient client = follow(path);
  ASSERT_TRUE(client.next());
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(2));
  EXPECT_FALSE(client.next()) << "no end: the operation goes on";
  EXPECT_TRUE(client.over()) << "but the stream was closed, not broken";
  permit_.release();
}

TEST_F(EventStreamTest, ARevokedTokenKeepsNoStreamOpen) {
  events_.heartbeat_millis = 300;
  begin();
  const std::string path = held_restore();
  const auto made = engine_->create_token("short", static_cast<Scopes>(Scope::read));
  ASSERT_TRUE(made);
  EventClient client(address(), made->secret, path);
  ASSERT_TRUE(client.next());
  ASSERT_TRUE(engine_->revoke_token(made->info.id));
  while (client.next()) {
  }
  EXPECT_TRUE(client.over());
  permit_.release();
}

TEST_F(EventStreamTest, IsNotIdleHoweverLongNothingIsSent) {
  events_.heartbeat_millis = 60'000;
  request_seconds_ = 1;
  begin();
  const std::string path = held_restore();
  EventClient client = follow(path);
  ASSERT_TRUE(client.next());
  EXPECT_FALSE(client.next(seconds(3)));
  EXPECT_FALSE(client.over());
  permit_.release();
  EXPECT_EQ(client.last().value_or(Event()).type, "end");
}

}  // namespace
}  // namespace restored::control
