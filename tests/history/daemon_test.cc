// The real agent, real sockets, clients under way all the time: restores, undos and flushes one
// after the other, and every answer that anybody got is explained by one instant of each.
//
//   RESTORED_TEST_LONG=1     more sessions, more swaps in each, more clients
//   RESTORED_HISTORY_SEED=17 only the session of this seed: what a failure prints
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "checker.h"
#include "daemon_process.h"
#include "load.h"
#include "recorder.h"
#include "support/environment_number.h"

namespace restored::history {
namespace {

using test::number_of;

using system_test::DaemonProcess;
using system_test::HttpAnswer;
using system_test::RedisClient;
using system_test::TestDatabase;

struct Extent {
  std::uint64_t sessions;
  std::size_t swaps;
  std::size_t clients;
};
Extent extent() {
  if (number_of("RESTORED_TEST_LONG") > 0) return {.sessions = 16, .swaps = 16, .clients = 8};
  return {.sessions = 2, .swaps = 4, .clients = 6};
}

bool succeeded(const DaemonProcess& daemon, const HttpAnswer& answer) {
  const boost::json::object ended = wait_operation(daemon, operation_of(answer));
  const auto* status = ended.if_contains("status");
  const bool well = answer.status == 200 && status != nullptr && *status == "succeeded";
  EXPECT_TRUE(well) << answer.status << " " << answer.text << "\n" << boost::json::serialize(ended);
  return well;
}

bool restore(const DaemonProcess& daemon, const std::string& target, const std::string& source,
             const std::string& backup) {
  const std::string body = R"({"source":{"type":"backup","databaseId":")" + source +
                           R"(","backupId":")" + backup + R"("}})";
  return succeeded(daemon, http(daemon, "POST", "/v1/databases/" + target + "/restore", body));
}

// One database with a history of its own.
class Session {
 public:
  Session(const DaemonProcess& daemon, std::uint64_t seed)
      : daemon_(daemon),
        random_(seed),
        seed_(seed),
        database_(create_database(daemon, "history-" + std::to_string(seed))),
        scratch_(create_database(daemon, "scratch-" + std::to_string(seed))) {}

  void run(const Extent& extent) {
    fill();
    Load load(daemon_.port(), database_.password, seed_, extent.clients, 1);
    for (std::size_t i = 0; i < extent.swaps && !::testing::Test::HasFailure(); ++i) {
      work(load);
      if (i % 4 == 0) back_up();
      work(load);
      swap();
    }
    work(load);
    Load::Seen seen = load.finish();
    for (const std::string& failure : seen.failures) ADD_FAILURE() << failure;
    for (Operation& operation : seen.operations) {
      history_.operations.push_back(std::move(operation));
    }
    audit(seen.next_client);
    judge();
  }

 private:
  void fill() {
    Recorder recorder(daemon_.port(), database_.password, 0);
    for (const std::string& key : load_keys()) {
      recorder.set(key, key[0] == 'c' ? "100" : "first-" + key);
    }
    keep(recorder.take());
  }

  void audit(std::size_t client) {
    Recorder recorder(daemon_.port(), database_.password, client);
    recorder.mget(load_keys());
    recorder.dbsize();
    keep(recorder.take());
  }

  // What a backup made under load holds is what was there at one instant while it was made.
  void back_up() {
    Operation operation;
    operation.client = backup_client + backups_.size();
    operation.invoked = now();
    const std::string backup = create_backup(daemon_, database_.id);
    operation.returned = now();
    ASSERT_FALSE(backup.empty());
    ASSERT_TRUE(restore(daemon_, scratch_.id, database_.id, backup));
    RedisClient reader(daemon_.port(), scratch_.password);
    const auto content = reader.content();
    ASSERT_TRUE(content.has_value());
    for (const std::string& key : load_keys()) {
      const auto found = content->find(key);
      const Value value = found == content->end() ? Value() : Value(found->second);
      operation.steps.push_back({Step::Kind::read, key, {}, value});
    }
    operation.steps.push_back({Step::Kind::count, {}, {}, std::to_string(content->size())});
    history_.operations.push_back(std::move(operation));
    backups_.emplace_back(backup, *content);
  }

  void swap() {
    const std::size_t choice = random_() % 8;
    Swap swap;
    swap.invoked = now();
    bool well = false;
    if (choice < 3 && !history_.swaps.empty()) {
      swap.name = "undo";
      swap.undo = true;
      well = succeeded(daemon_,
                       http(daemon_, "POST", "/v1/databases/" + database_.id + "/restore/undo"));
    } else if (choice == 3) {
      swap.name = "FLUSHALL";
      RedisClient client(daemon_.port(), database_.password);
      well = client.command({"FLUSHALL"}) == "OK";
    } else {
      const auto& [backup, content] = backups_[random_() % backups_.size()];
      swap.name = "restore";
      swap.content = content;
      well = restore(daemon_, database_.id, database_.id, backup);
    }
    swap.returned = now();
    swap.name += " " + std::to_string(history_.swaps.size() + 1);
    EXPECT_TRUE(well) << swap.name;
    history_.swaps.push_back(std::move(swap));
  }

  // Until the clients have done some more.
  void work(const Load& load) {
    const std::size_t goal = load.operations() + 300;
    const Moment deadline = now() + 30'000'000'000;
    while (load.operations() < goal && now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_GE(load.operations(), goal) << "the clients go on";
  }

  void keep(std::vector<Operation> operations) {
    for (Operation& operation : operations) history_.operations.push_back(std::move(operation));
  }

  void judge() {
    // Clients without gaps, so that each has its place in a small table.
    std::map<std::size_t, std::size_t> numbers;
    for (Operation& operation : history_.operations) {
      operation.client = numbers.try_emplace(operation.client, numbers.size()).first->second;
    }
    const Moment begin = now();
    const Verdict verdict = check(history_);
    const Moment took = now() - begin;
    EXPECT_TRUE(verdict.explained()) << "RESTORED_HISTORY_SEED=" << seed_ << "\n"
                                     << verdict.message;
    Moment widest = 0;
    for (const Moment width : verdict.swap_widths) widest = std::max(widest, width);
    std::fprintf(stderr,
                 "seed %llu: %zu operations of %zu clients, %zu swaps, each within %.3f ms; judged "
                 "in %.1f s, at most %zu states\n",
                 static_cast<unsigned long long>(seed_), history_.operations.size(), numbers.size(),
                 history_.swaps.size(), static_cast<double>(widest) / 1e6,
                 static_cast<double>(took) / 1e9, verdict.states);
  }

  static constexpr std::size_t backup_client = 1'000'000;

  const DaemonProcess& daemon_;
  std::mt19937_64 random_;
  const std::uint64_t seed_;
  const TestDatabase database_;
  const TestDatabase scratch_;
  std::vector<std::pair<std::string, Content>> backups_;
  History history_;
};

TEST(HistoryTest, OneInstantOfEachSwapExplainsEveryAnswer) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  std::uint64_t first = 1;
  std::uint64_t end = 1 + extent().sessions;
  if (const std::uint64_t one = number_of("RESTORED_HISTORY_SEED"); one > 0) {
    first = one;
    end = one + 1;
  }
  for (std::uint64_t seed = first; seed < end && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Session(daemon, seed).run(extent());
  }
  EXPECT_TRUE(daemon.running());
}

}  // namespace
}  // namespace restored::history
