// Connections that hammer the data plane while the data is replaced under them: no error, no
// disconnect, and every reply explained by the old or the new content.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "restored/record.h"
#include "served_engine.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

constexpr int pairs = 8;

std::string left(int i) {
  return "left:" + std::to_string(i);
}
std::string right(int i) {
  return "right:" + std::to_string(i);
}

class SwapTest : public ::testing::Test {
 protected:
  // Hammers until `swaps` is done; checks run on the hammering threads.
  void hammer(const std::function<void()>& swaps) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    threads.emplace_back([&] { read_pairs(stop); });
    threads.emplace_back([&] { write_pairs(stop); });
    threads.emplace_back([&] { transact(stop); });
    threads.emplace_back([&] { increment(stop); });
    threads.emplace_back([&] { read_single(stop); });
    EXPECT_TRUE(wait_until([&] { return calls_ > 500; }));
    swaps();
    const int calls = calls_;
    EXPECT_TRUE(wait_until([&] { return calls_ > calls + 500; })) << "they go on afterwards";
    stop = true;
    for (std::thread& thread : threads) thread.join();
  }

  std::string call(RawClient& client, const Words& words) {
    ++calls_;
    const std::string reply = client.call(words);
    EXPECT_FALSE(reply.starts_with('-')) << words[0] << ": " << reply;
    EXPECT_NE(reply, "<closed>") << words[0];
    return reply;
  }

  // Both halves of a pair are always written together, in every generation.
  void read_pairs(const std::atomic<bool>& stop) {
    RawClient client = served_.client();
    for (int i = 0; !stop; ++i) {
      const std::string reply = call(client, {"MGET", left(i % pairs), right(i % pairs)});
      const std::size_t half = (reply.size() - 4) / 2;
      ASSERT_EQ(reply.substr(4, half), reply.substr(4 + half)) << "old or new, never between";
    }
  }
  void write_pairs(const std::atomic<bool>& stop) {
    RawClient client = served_.client();
    for (int i = 0; !stop; ++i) {
      const std::string value = std::to_string(i % 10);
      ASSERT_EQ(call(client, {"MSET", left(i % pairs), value, right(i % pairs), value}), "+OK\r\n");
    }
  }
  void transact(const std::atomic<bool>& stop) {
    RawClient client = served_.client();
    for (int i = 0; !stop; ++i) {
      const std::string value = std::to_string(i % 10);
      call(client, {"MULTI"});
      call(client, {"SET", left(i % pairs), value});
      call(client, {"MGET", left(i % pairs), right(i % pairs)});
      call(client, {"SET", right(i % pairs), value});
      call(client, {"GET", right(i % pairs)});
      const std::string reply = call(client, {"EXEC"});
      ASSERT_TRUE(reply.starts_with("*4\r\n+OK\r\n*2\r\n$1\r\n" + value)) << reply;
      ASSERT_TRUE(reply.ends_with("+OK\r\n$1\r\n" + value + "\r\n")) << reply;
    }
  }
  // Within a generation the counter only grows by one; a swap sets it back to what it had then.
  void increment(const std::atomic<bool>& stop) {
    RawClient client = served_.client();
    long long last = 0;
    while (!stop) {
      const std::string reply = call(client, {"INCR", "counter"});
      const long long value = std::atoll(reply.c_str() + 1);
      if (value != last + 1) ++jumps_;
      last = value;
    }
  }
  void read_single(const std::atomic<bool>& stop) {
    RawClient client = served_.client();
    while (!stop) {
      const std::string reply = call(client, {"GET", "mark"});
      ASSERT_TRUE(reply == "$3\r\nold\r\n" || reply == "$3\r\nnew\r\n") << reply;
    }
  }

  void set_up_content(const std::string& mark) {
    RawClient client = served_.client();
    call(client, {"SET", "mark", mark});
    for (int i = 0; i < pairs; ++i) call(client, {"MSET", left(i), "0", right(i), "0"});
    call(client, {"SET", "counter", "0"});
  }

  ServedEngine served_;
  std::atomic<int> calls_{0};
  std::atomic<int> jumps_{0};
};

TEST_F(SwapTest, RestoreAndUndoUnderLoadCostNobodyAnError) {
  set_up_content("old");
  const BackupId backup = served_.backup();
  RawClient client = served_.client();
  call(client, {"SET", "mark", "new"});
  hammer([&] {
    for (int round = 0; round < 3; ++round) {
      served_.restore(backup);
      EXPECT_EQ(client.call({"GET", "mark"}), "$3\r\nold\r\n");
      served_.undo();
      EXPECT_EQ(client.call({"GET", "mark"}), "$3\r\nnew\r\n");
    }
  });
  EXPECT_LE(jumps_, 1 + 6) << "the counter jumps at a swap and at no other time";
}

TEST_F(SwapTest, ReplacedContentUnderLoadCostsNobodyAnError) {
  set_up_content("old");
  WriteSet records;
  const auto put = [&](const std::string& key, const std::string& value) {
    records.put(record::metadata_key(key),
                record::encode(record::Type::string, std::nullopt, value));
  };
  put("mark", "new");
  put("counter", "0");
  for (int i = 0; i < pairs; ++i) {
    put(left(i), "5");
    put(right(i), "5");
  }
  hammer([&] {
    for (int round = 0; round < 5; ++round) {
      const auto replaced = served_.keyspace()->replace_all(records, nullptr);
      ASSERT_TRUE(replaced.has_value()) << replaced.error().message;
    }
  });
  EXPECT_LE(jumps_, 1 + 5);
}

TEST_F(SwapTest, FlushallUnderLoadCostsNobodyAnError) {
  std::atomic<bool> stop{false};
  std::atomic<int> calls{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      RawClient client = served_.client();
      while (!stop) {
        ASSERT_EQ(call(client, {"MSET", "a", "1", "b", "1"}), "+OK\r\n");
        const std::string reply = call(client, {"MGET", "a", "b"});
        ASSERT_TRUE(reply == "*2\r\n$-1\r\n$-1\r\n" || reply == "*2\r\n$1\r\n1\r\n$1\r\n1\r\n")
            << reply;
        ++calls;
      }
    });
  }
  RawClient flusher = served_.client();
  for (int i = 0; i < 10; ++i) {
    const int before = calls;
    EXPECT_EQ(flusher.call({"FLUSHALL"}), "+OK\r\n");
    EXPECT_TRUE(wait_until([&] { return calls > before + 5; }));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SwapTest, EveryWatchIsSpoiltBySwapUndoAndFlush) {
  set_up_content("old");
  const BackupId backup = served_.backup();
  RawClient client = served_.client();
  const auto attempt = [&](const std::function<void()>& change) {
    client.call({"WATCH", "mark"});
    change();
    client.call({"MULTI"});
    client.call({"SET", "mark", "new"});
    return client.call({"EXEC"});
  };
  EXPECT_EQ(attempt([&] { served_.restore(backup); }), "*-1\r\n");
  EXPECT_EQ(attempt([&] { served_.undo(); }), "*-1\r\n");
  EXPECT_EQ(attempt([&] { served_.client().call({"FLUSHALL"}); }), "*-1\r\n");
  EXPECT_EQ(attempt([] {}), "*1\r\n+OK\r\n");
}

TEST_F(SwapTest, AWatchThatReadTheRestoredContentIsSpoiltThoughItWasUndone) {
  set_up_content("old");
  const BackupId backup = served_.backup();
  RawClient client = served_.client();
  client.call({"WATCH", "mark"});
  served_.restore(backup);
  EXPECT_EQ(client.call({"GET", "mark"}), "$3\r\nold\r\n");
  served_.undo();
  client.call({"MULTI"});
  client.call({"SET", "mark", "derived"});
  EXPECT_EQ(client.call({"EXEC"}), "*-1\r\n");
}

TEST_F(SwapTest, InfoTellsTheGenerationAndTheLastRestore) {
  set_up_content("old");
  const BackupId backup = served_.backup();
  RawClient client = served_.client();
  const auto line = [&](const std::string& name) {
    const std::string info = client.call({"INFO", "restore"});
    const std::size_t begin = info.find("\r\n" + name + ":");
    return begin == std::string::npos
               ? std::string("none")
               : info.substr(begin + name.size() + 3,
                             info.find("\r\n", begin + 2) - begin - name.size() - 3);
  };
  const std::string before = line("generation");
  EXPECT_EQ(line("last_restore_time"), "0");
  served_.restore(backup);
  EXPECT_NE(line("generation"), before);
  EXPECT_EQ(line("previous_generation"), before);
  EXPECT_EQ(line("last_restore_backup"), backup.value);
  EXPECT_EQ(line("last_restore_kind"), "restore");
  EXPECT_NE(line("last_restore_time"), "0");
}

}  // namespace
}  // namespace restored::test
