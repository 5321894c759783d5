// One request at a time, without sockets: what it waits for, and what a failing disk leaves.
#include "data/dispatch.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "data/client.h"
#include "restored/record.h"
#include "served_engine.h"

namespace restored::test {
namespace {

using data::Outcome;
using data::Pause;

// The real keyspace behind a gate that a test closes and a disk that a test fills.
class TestedKeyspace : public Keyspace {
 public:
  explicit TestedKeyspace(std::shared_ptr<Keyspace> real) : real_(std::move(real)) {}

  std::shared_ptr<const Generation> pin() const override { return real_->pin(); }
  WritePermit try_begin_write() override {
    if (before_permit) std::exchange(before_permit, nullptr)();
    return closed ? WritePermit() : real_->try_begin_write();
  }
  void when_writable(std::function<void()> resume) override {
    waiting.push_back(std::move(resume));
  }
  Result<void> write(const WritePermit& permit, const WriteSet& changes,
                     Durability durability) override {
    if (failure) return std::unexpected(*failure);
    return real_->write(permit, changes, durability);
  }
  Result<void> replace_all(const WriteSet& records,
                           const std::function<bool()>& still_wanted) override {
    if (failure) return std::unexpected(*failure);
    return real_->replace_all(records, still_wanted);
  }
  Result<std::uint64_t> count_keys(std::stop_token stop) override {
    return real_->count_keys(std::move(stop));
  }

  void put_raw(const std::string& key, const std::string& record) {
    WriteSet changes;
    changes.put(record::metadata_key(key), record);
    const WritePermit permit = real_->try_begin_write();
    ASSERT_TRUE(real_->write(permit, changes, Durability::process).has_value());
  }

  bool closed = false;
  std::optional<Error> failure;
  std::function<void()> before_permit;  // once
  std::vector<std::function<void()>> waiting;

 private:
  std::shared_ptr<Keyspace> real_;
};

class DispatchTest : public ::testing::Test {
 protected:
  DispatchTest()
      : state_(served_.engine(), test_options()),
        keyspace_(std::make_shared<TestedKeyspace>(served_.keyspace())),
        database_(std::make_shared<data::ServedDatabase>(served_.engine(),
                                                         served_.database().info.id, keyspace_)),
        client_(make_client()),
        other_(make_client()) {}

  std::unique_ptr<data::Client> make_client() {
    auto client = std::make_unique<data::Client>(state_, std::make_shared<data::ClientRecord>());
    client->database = database_;
    return client;
  }
  Outcome run(data::Client& client, const Words& words) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    return data::run_request(client, views, false);
  }
  std::string call(data::Client& client, const Words& words) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    data::run_blocking(client, views);
    return take_reply(client);
  }
  static std::string take_reply(data::Client& client) {
    std::string reply(client.reply.contiguous());
    client.reply.clear();
    return reply;
  }
  void fill_disk() { keyspace_->failure = Error{ErrorCode::no_space, "cannot write /state", {}}; }

  ServedEngine served_;
  data::ServerState state_;
  std::shared_ptr<TestedKeyspace> keyspace_;
  std::shared_ptr<data::ServedDatabase> database_;
  std::unique_ptr<data::Client> client_;
  std::unique_ptr<data::Client> other_;
};

TEST_F(DispatchTest, AWriteWaitsForTheGateAndHoldsNothing) {
  call(*client_, {"SET", "a", "1"});
  keyspace_->closed = true;
  EXPECT_EQ(run(*client_, {"INCR", "a"}).pause, Pause::gate);
  EXPECT_TRUE(client_->reply.empty());
  EXPECT_EQ(run(*other_, {"INCR", "a"}).pause, Pause::gate) << "not Pause::lock: no lock is held";
  EXPECT_EQ(call(*other_, {"GET", "a"}), "$1\r\n1\r\n") << "reads never wait";
  int resumed = 0;
  data::when_runnable(*client_, {Pause::gate, {}}, [&] { ++resumed; });
  ASSERT_EQ(keyspace_->waiting.size(), 1u);
  keyspace_->closed = false;
  keyspace_->waiting[0]();
  EXPECT_EQ(resumed, 1);
  EXPECT_EQ(call(*client_, {"INCR", "a"}), ":2\r\n");
}

TEST_F(DispatchTest, ExecWaitsForTheGateAndHappensOnce) {
  call(*client_, {"MULTI"});
  call(*client_, {"INCR", "a"});
  call(*client_, {"GET", "a"});
  keyspace_->closed = true;
  EXPECT_EQ(run(*client_, {"EXEC"}).pause, Pause::gate);
  EXPECT_TRUE(client_->reply.empty());
  keyspace_->closed = false;
  EXPECT_EQ(call(*other_, {"INCR", "b"}), ":1\r\n") << "others write meanwhile";
  EXPECT_EQ(call(*client_, {"EXEC"}), "*2\r\n:1\r\n$1\r\n1\r\n");
  EXPECT_EQ(call(*client_, {"EXEC"}), "-ERR EXEC without MULTI\r\n");
}

TEST_F(DispatchTest, ASwapUnderExecRunsItAgainOnTheNewContent) {
  call(*client_, {"SET", "a", "41"});
  call(*client_, {"MULTI"});
  call(*client_, {"INCR", "a"});
  keyspace_->before_permit = [&] {
    WriteSet records;
    records.put(record::metadata_key("a"),
                record::encode(record::Type::string, std::nullopt, "99"));
    ASSERT_TRUE(keyspace_->replace_all(records, nullptr).has_value());
  };
  EXPECT_EQ(call(*client_, {"EXEC"}), "*1\r\n:100\r\n");
  EXPECT_EQ(call(*client_, {"GET", "a"}), "$3\r\n100\r\n");
}

TEST_F(DispatchTest, ASwapUnderAWatchedExecDropsIt) {
  call(*client_, {"SET", "a", "41"});
  call(*client_, {"WATCH", "a"});
  call(*client_, {"MULTI"});
  call(*client_, {"UNWATCH"});
  call(*client_, {"INCR", "a"});
  keyspace_->before_permit = [&] { ASSERT_TRUE(keyspace_->replace_all({}, nullptr).has_value()); };
  EXPECT_EQ(call(*client_, {"EXEC"}), "*-1\r\n");
  EXPECT_EQ(call(*client_, {"GET", "a"}), "$-1\r\n");
}

TEST_F(DispatchTest, AHeldKeyPausesOnlyItsWriters) {
  data::KeyLocks::Hold hold;
  const std::array<std::string_view, 1> keys = {"a"};
  ASSERT_FALSE(database_->locks.try_lock(keys, hold));
  const Outcome paused = run(*client_, {"SET", "a", "1"});
  EXPECT_EQ(paused.pause, Pause::lock);
  EXPECT_EQ(run(*other_, {"SET", "b", "1"}).pause, Pause::none);
  EXPECT_EQ(run(*other_, {"GET", "a"}).pause, Pause::none);
  bool resumed = false;
  data::when_runnable(*client_, paused, [&] { resumed = true; });
  EXPECT_FALSE(resumed);
  hold.release();
  EXPECT_TRUE(resumed);
  EXPECT_EQ(call(*client_, {"SET", "a", "1"}), "+OK\r\n");
}

// What waits for a worker must not hold what the workers wait for.
TEST_F(DispatchTest, ARequestThatTurnsOutBigGivesItsClaimUpBeforeItGoesToAWorker) {
  const std::array<std::string_view, 1> keys = {"held"};
  Words many = {"DEL"};  // more keys than stripes: exclusive
  for (std::size_t i = 0; i <= data::KeyLocks::stripes_held_max; ++i) many.push_back("k");
  call(*client_, {"MULTI"});
  call(*client_, {"GET", "in-exec"});
  const std::array<std::pair<Words, std::string_view>, 2> requests = {
      std::pair{Words{"EXEC"}, std::string_view("in-exec")},
      std::pair{many, std::string_view("k")}};
  for (const auto& [request, key] : requests) {
    data::KeyLocks::Hold holder;
    ASSERT_FALSE(database_->locks.try_lock(keys, holder));
    const Outcome paused = run(*client_, request);
    ASSERT_EQ(paused.pause, Pause::lock) << request[0];
    ASSERT_EQ(paused.blocked.on, data::KeyLocks::Wait::drain) << request[0];
    database_->big_keys.note(key, 300 * 1024);
    EXPECT_EQ(run(*client_, request).pause, Pause::worker) << request[0];
    data::KeyLocks::Hold other;
    const std::array<std::string_view, 1> free_keys = {"free"};
    EXPECT_EQ(database_->locks.try_lock(free_keys, other).on, data::KeyLocks::Wait::none)
        << request[0];
    other.release();
    holder.release();
    EXPECT_FALSE(call(*client_, request).empty()) << request[0];
  }
}

TEST_F(DispatchTest, AFullDiskRefusesWritesInWordsThatClientsKnowAndReadsGoOn) {
  call(*client_, {"SET", "a", "1"});
  call(*other_, {"WATCH", "a"});
  fill_disk();
  for (const Words& write :
       {Words{"SET", "a", "2"}, Words{"INCR", "a"}, Words{"DEL", "a"}, Words{"MSET", "a", "2"},
        Words{"GETSET", "a", "2"}, Words{"EXPIRE", "a", "10"}, Words{"FLUSHALL"}}) {
    const std::string reply = call(*client_, write);
    EXPECT_TRUE(reply.starts_with("-MISCONF Errors writing to disk: cannot write /state"))
        << write[0] << ": " << reply;
    EXPECT_NE(reply.find("Free space"), std::string::npos) << "what to do: " << reply;
    EXPECT_EQ(reply.find('\n'), reply.size() - 1) << "one reply, one line";
  }
  EXPECT_EQ(call(*client_, {"GET", "a"}), "$1\r\n1\r\n");
  EXPECT_EQ(call(*client_, {"SETNX", "a", "2"}), ":0\r\n") << "it writes nothing";
  call(*client_, {"MULTI"});
  call(*client_, {"SET", "a", "2"});
  call(*client_, {"SET", "b", "2"});
  EXPECT_TRUE(call(*client_, {"EXEC"}).starts_with("-MISCONF "));
  EXPECT_FALSE(client_->in_transaction);
  keyspace_->failure.reset();
  EXPECT_EQ(call(*client_, {"MGET", "a", "b"}), "*2\r\n$1\r\n1\r\n$-1\r\n");
  call(*other_, {"MULTI"});
  call(*other_, {"PING"});
  EXPECT_EQ(call(*other_, {"EXEC"}), "*1\r\n+PONG\r\n") << "what failed changed nothing";
}

TEST_F(DispatchTest, ADamagedRecordIsAnErrorOfItsKeyOnly) {
  keyspace_->put_raw("bad", "\xff");
  call(*client_, {"SET", "good", "1"});
  for (const Words& words :
       {Words{"GET", "bad"}, Words{"INCR", "bad"}, Words{"MGET", "good", "bad"}, Words{"SCAN", "0"},
        Words{"KEYS", "*"}}) {
    const std::string reply = call(*client_, words);
    EXPECT_TRUE(reply.starts_with("-ERR storage: ")) << words[0] << ": " << reply;
  }
  EXPECT_EQ(call(*client_, {"GET", "good"}), "$1\r\n1\r\n");
  for (const char* command : {"DEL", "UNLINK"}) {
    EXPECT_TRUE(call(*client_, {command, "good", "bad"}).starts_with("-ERR storage: ")) << command;
    EXPECT_EQ(call(*client_, {"GET", "good"}), "$1\r\n1\r\n") << "what failed changed nothing";
    call(*client_, {"MULTI"});
    call(*client_, {command, "good", "bad"});
    call(*client_, {"SET", "beside", command});
    const std::string reply = call(*client_, {"EXEC"});
    EXPECT_TRUE(reply.starts_with("*2\r\n-ERR storage: ")) << reply;
    EXPECT_TRUE(reply.ends_with("\r\n+OK\r\n")) << reply;
    EXPECT_EQ(call(*client_, {"GET", "good"}), "$1\r\n1\r\n") << command << " in EXEC";
  }
  EXPECT_EQ(call(*client_, {"DEL", "good", "good", "none"}), ":1\r\n");
  EXPECT_EQ(call(*client_, {"SET", "good", "1"}), "+OK\r\n");
  EXPECT_EQ(call(*client_, {"SET", "bad", "1"}), "+OK\r\n") << "it can be overwritten";
  EXPECT_EQ(call(*client_, {"GET", "bad"}), "$1\r\n1\r\n");
}

TEST_F(DispatchTest, OtherTypesAreRecognisedBeforeTheirCommandsExist) {
  keyspace_->put_raw("h", record::encode(record::Type::hash, std::nullopt, std::string(16, '\0')));
  const std::string wrong =
      "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
  for (const Words& words : {Words{"GET", "h"}, Words{"INCR", "h"}, Words{"APPEND", "h", "x"},
                             Words{"GETRANGE", "h", "0", "1"}, Words{"SET", "h", "1", "GET"}}) {
    EXPECT_EQ(call(*client_, words), wrong) << words[0];
  }
  EXPECT_EQ(call(*client_, {"TYPE", "h"}), "+hash\r\n");
  EXPECT_EQ(call(*client_, {"EXISTS", "h"}), ":1\r\n");
  EXPECT_EQ(call(*client_, {"MGET", "h"}), "*1\r\n$-1\r\n");
}

TEST_F(DispatchTest, WhatIsBigOrBlocksGoesToAWorker) {
  const std::string big(300 * 1024, 'x');
  EXPECT_EQ(run(*client_, {"DBSIZE"}).pause, Pause::worker);
  EXPECT_EQ(run(*client_, {"SET", "a", big}).pause, Pause::worker);
  EXPECT_EQ(run(*client_, {"SETRANGE", "a", "300000", "x"}).pause, Pause::worker);
  EXPECT_EQ(run(*client_, {"SCAN", "0", "COUNT", "1000000"}).pause, Pause::worker);
  EXPECT_EQ(run(*client_, {"GET", "a"}).pause, Pause::none);
  client_->reply.clear();
  call(*client_, {"SET", "a", big});
  client_->reply.clear();
  EXPECT_EQ(run(*client_, {"GET", "a"}).pause, Pause::worker) << "its size is known by now";
  EXPECT_EQ(run(*client_, {"GET", "b"}).pause, Pause::none);
  Words many = {"MGET"};
  many.resize(100, "b");
  EXPECT_EQ(run(*client_, many).pause, Pause::none);
  many.push_back("a");
  EXPECT_EQ(run(*client_, many).pause, Pause::worker) << "wherever it stands";
}

}  // namespace
}  // namespace restored::test
