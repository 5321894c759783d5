// Atomicity: what many connections do at once adds up.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "served_engine.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

class TransactionTest : public ::testing::Test {
 protected:
  // Runs `work(client, index)` on connections of their own at once.
  template <class Work>
  void at_once(int count, Work work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([this, &work, i] {
        RawClient client = served_.client();
        work(client, i);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  ServedEngine served_;
};

TEST_F(TransactionTest, IncrementsOfManyConnectionsSumExactly) {
  constexpr int clients = 16;
  constexpr int rounds = 500;
  at_once(clients, [&](RawClient& client, int index) {
    for (int i = 0; i < rounds; ++i) {
      client.call({"INCR", "n"});
      client.call({"INCRBY", "m:" + std::to_string(index % 4), "3"});
      client.call({"APPEND", "text", "x"});
    }
  });
  RawClient client = served_.client();
  EXPECT_EQ(client.call({"GET", "n"}), "$4\r\n8000\r\n");
  EXPECT_EQ(client.call({"STRLEN", "text"}), ":8000\r\n");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(client.call({"GET", "m:" + std::to_string(i)}), "$4\r\n6000\r\n");
  }
}

TEST_F(TransactionTest, SetnxLetsOneWin) {
  for (int round = 0; round < 30; ++round) {
    std::atomic<int> winners{0};
    at_once(4, [&](RawClient& client, int) {
      if (client.call({"SETNX", "lock:" + std::to_string(round), "me"}) == ":1\r\n") ++winners;
    });
    EXPECT_EQ(winners, 1);
  }
}

// Money moves between accounts in transactions; readers always see the same sum.
TEST_F(TransactionTest, ExecIsIsolatedFromWritersAndReaders) {
  constexpr int accounts = 4;
  const auto account = [](int i) { return "account:" + std::to_string(i); };
  RawClient setup = served_.client();
  for (int i = 0; i < accounts; ++i) setup.call({"SET", account(i), "1000"});
  std::atomic<bool> stop{false};
  std::atomic<int> readings{0};
  std::thread reader([&] {
    RawClient client = served_.client();
    while (!stop) {
      Words get = {"MGET"};
      for (int i = 0; i < accounts; ++i) get.push_back(account(i));
      const std::string reply = client.call(get);
      long long sum = 0;
      std::size_t at = 4;
      for (int i = 0; i < accounts; ++i) {
        at = reply.find("\r\n", at) + 2;
        sum += std::atoll(reply.c_str() + at);
        at = reply.find("\r\n", at) + 2;
      }
      ASSERT_EQ(sum, accounts * 1000) << reply;
      ++readings;
    }
  });
  at_once(6, [&](RawClient& client, int index) {
    for (int i = 0; i < 200; ++i) {
      const int from = (index + i) % accounts;
      const int to = (index + 3 * i + 1) % accounts;
      client.send(encode_request({"MULTI"}) + encode_request({"DECRBY", account(from), "7"}) +
                  encode_request({"INCRBY", account(to), "7"}) +
                  encode_request({"MGET", account(0), account(1), account(2), account(3)}) +
                  encode_request({"EXEC"}));
      for (int reply = 0; reply < 4; ++reply) client.receive();
      const auto result = client.receive();
      ASSERT_TRUE(result && result->starts_with("*3\r\n:")) << result.value_or("<closed>");
    }
  });
  EXPECT_TRUE(wait_until([&] { return readings > 50; }));
  stop = true;
  reader.join();
}

TEST_F(TransactionTest, WatchedCountersLoseNothing) {
  constexpr int clients = 8;
  constexpr int rounds = 100;
  std::atomic<int> conflicts{0};
  at_once(clients, [&](RawClient& client, int) {
    for (int done = 0; done < rounds;) {
      client.call({"WATCH", "n"});
      const std::string value = client.call({"GET", "n"});
      const long long number =
          value == "$-1\r\n" ? 0 : std::atoll(value.c_str() + value.find("\r\n") + 2);
      client.call({"MULTI"});
      client.call({"SET", "n", std::to_string(number + 1)});
      const std::string result = client.call({"EXEC"});
      if (result == "*1\r\n+OK\r\n") {
        ++done;
      } else {
        ASSERT_EQ(result, "*-1\r\n");
        ++conflicts;
      }
    }
  });
  EXPECT_EQ(served_.client().call({"GET", "n"}), "$3\r\n800\r\n");
  EXPECT_GT(conflicts, 0);
}

TEST_F(TransactionTest, EveryKindOfWriteToAWatchedKeyIsNoticed) {
  RawClient watcher = served_.client();
  RawClient writer = served_.client();
  const std::vector<Words> writes = {
      {"SET", "w", "2"},
      {"DEL", "w"},
      {"APPEND", "w", "x"},
      {"EXPIRE", "w", "100"},
      {"RENAME", "w", "v"},
      {"RENAME", "u", "w"},
      {"COPY", "u", "w", "REPLACE"},
      {"MSET", "q", "1", "w", "2"},
      {"GETDEL", "w"},
      {"INCR", "w"},
      {"SETRANGE", "w", "0", "x"},
      {"FLUSHALL"},
      {"EXPIRE", "w", "-1"},
      {"GETEX", "w", "EX", "10"},
  };
  for (const Words& write : writes) {
    writer.call({"MSET", "w", "1", "u", "1"});
    EXPECT_EQ(watcher.call({"WATCH", "w"}), "+OK\r\n");
    writer.call(write);
    watcher.call({"MULTI"});
    watcher.call({"SET", "x", "1"});
    EXPECT_EQ(watcher.call({"EXEC"}), "*-1\r\n") << write[0];
  }
  // And what changes nothing is not.
  const std::vector<Words> reads = {{"GET", "w"},      {"SETNX", "w", "2"},
                                    {"PERSIST", "w"},  {"DEL", "nokey"},
                                    {"SET", "x", "1"}, {"SET", "w", "2", "NX"},
                                    {"GETEX", "w"},    {"MSETNX", "w", "1", "nokey", "2"}};
  for (const Words& read : reads) {
    writer.call({"SET", "w", "1"});
    watcher.call({"WATCH", "w"});
    writer.call(read);
    watcher.call({"MULTI"});
    watcher.call({"PING"});
    EXPECT_EQ(watcher.call({"EXEC"}), "*1\r\n+PONG\r\n") << read[0];
  }
}

TEST_F(TransactionTest, AWatchedKeyThatExpiresIsAChange) {
  RawClient client = served_.client();
  client.call({"SET", "w", "1", "PX", "30"});
  client.call({"WATCH", "w"});
  RawClient other = served_.client();
  ASSERT_TRUE(wait_until([&] { return other.call({"EXISTS", "w"}) == ":0\r\n"; }));
  client.call({"MULTI"});
  client.call({"PING"});
  EXPECT_EQ(client.call({"EXEC"}), "*-1\r\n");
  // One that had expired before is none.
  client.call({"SET", "e", "1", "PX", "1"});
  ASSERT_TRUE(wait_until([&] { return other.call({"EXISTS", "e"}) == ":0\r\n"; }));
  client.call({"WATCH", "e"});
  client.call({"MULTI"});
  client.call({"PING"});
  EXPECT_EQ(client.call({"EXEC"}), "*1\r\n+PONG\r\n");
}

TEST_F(TransactionTest, ExpiredKeysAreAbsentEverywhere) {
  RawClient client = served_.client();
  client.call({"SET", "live", "1"});
  client.call({"SET", "e", "1", "PX", "20"});
  ASSERT_TRUE(wait_until([&] { return client.call({"EXISTS", "e"}) == ":0\r\n"; }));
  EXPECT_EQ(client.call({"GET", "e"}), "$-1\r\n");
  EXPECT_EQ(client.call({"MGET", "e", "live"}), "*2\r\n$-1\r\n$1\r\n1\r\n");
  EXPECT_EQ(client.call({"TTL", "e"}), ":-2\r\n");
  EXPECT_EQ(client.call({"TYPE", "e"}), "+none\r\n");
  EXPECT_EQ(client.call({"KEYS", "*"}), "*1\r\n$4\r\nlive\r\n");
  EXPECT_EQ(client.call({"DBSIZE"}), ":1\r\n");
  EXPECT_EQ(client.call({"SCAN", "0"}), "*2\r\n$1\r\n0\r\n*1\r\n$4\r\nlive\r\n");
  EXPECT_EQ(client.call({"DEL", "e"}), ":0\r\n");
  EXPECT_EQ(client.call({"PERSIST", "e"}), ":0\r\n");
  EXPECT_EQ(client.call({"RENAME", "e", "f"}), "-ERR no such key\r\n");
  EXPECT_EQ(client.call({"APPEND", "e", "new"}), ":3\r\n");
  EXPECT_EQ(client.call({"TTL", "e"}), ":-1\r\n") << "the old expiry is gone with the old value";
}

TEST_F(TransactionTest, TransactionsWithFlushallSwapToWhatRemains) {
  RawClient client = served_.client();
  std::string load;
  for (int i = 0; i < 500; ++i) load += encode_request({"SET", "k" + std::to_string(i), "v"});
  client.send(load);
  for (int i = 0; i < 500; ++i) client.receive();
  const auto before = served_.keyspace()->pin()->number();
  client.call({"MULTI"});
  client.call({"GET", "k1"});
  client.call({"FLUSHALL"});
  client.call({"SET", "k1", "after"});
  client.call({"DBSIZE"});
  EXPECT_EQ(client.call({"EXEC"}), "*4\r\n$1\r\nv\r\n+OK\r\n+OK\r\n:1\r\n");
  EXPECT_EQ(client.call({"KEYS", "*"}), "*1\r\n$2\r\nk1\r\n");
  EXPECT_NE(served_.keyspace()->pin()->number(), before);
}

TEST_F(TransactionTest, LargeMultiKeyWritesAreAtomicToReaders) {
  constexpr int keys = 100;  // more than the stripes that one command may hold
  Words get = {"MGET"};
  for (int i = 0; i < keys; ++i) get.push_back("k" + std::to_string(i));
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    RawClient client = served_.client();
    while (!stop) {
      const std::string reply = client.call(get);
      const std::string first = reply.substr(6, reply[7] == '-' ? 5 : 17);  // $-1, or $10 and it
      std::string expected = "*100\r\n";
      for (int i = 0; i < keys; ++i) expected += first;
      ASSERT_EQ(reply, expected);
    }
  });
  at_once(4, [&](RawClient& client, int index) {
    for (int i = 0; i < 50; ++i) {
      Words set = {"MSET"};
      const std::string value(10, static_cast<char>('a' + (index * 50 + i) % 26));
      for (int key = 0; key < keys; ++key)
        set.insert(set.end(), {"k" + std::to_string(key), value});
      ASSERT_EQ(client.call(set), "+OK\r\n");
    }
  });
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace restored::test
