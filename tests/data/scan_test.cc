// SCAN's promise: who is there from beginning to end is returned, whatever happens meanwhile.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "resp_value.h"
#include "served_engine.h"

namespace restored::test {
namespace {

class ScanTest : public ::testing::Test {
 protected:
  void SetUp() override { client_.emplace(served_.client()); }

  void load(const std::string& prefix, int count) {
    std::string text;
    for (int i = 0; i < count; ++i)
      text += encode_request({"SET", prefix + std::to_string(i), "v"});
    ASSERT_TRUE(client_->send(text));
    for (int i = 0; i < count; ++i) ASSERT_EQ(client_->receive(), "+OK\r\n");
  }

  // All keys of a whole scan; `between` runs after each call.
  template <class Between>
  std::map<std::string, int> scan(Words options, Between between) {
    std::map<std::string, int> seen;
    std::string cursor = "0";
    int calls = 0;
    do {
      Words words = {"SCAN", cursor};
      words.insert(words.end(), options.begin(), options.end());
      const RespValue reply = parse_reply(client_->call(words));
      EXPECT_EQ(reply.kind, '*') << print(reply);
      if (reply.kind != '*') return seen;
      cursor = reply.children[0].text;
      for (const RespValue& key : reply.children[1].children) ++seen[key.text];
      between(calls);
      EXPECT_LT(++calls, 10'000);
    } while (cursor != "0" && calls < 10'000);
    return seen;
  }
  std::map<std::string, int> scan(Words options) {
    return scan(std::move(options), [](int) {});
  }

  ServedEngine served_;
  std::optional<RawClient> client_;
};

TEST_F(ScanTest, EachKeyOnceWhateverTheCount) {
  load("k", 500);
  for (const char* count : {"1", "7", "100", "499", "500", "501", "100000"}) {
    const auto seen = scan({"COUNT", count});
    EXPECT_EQ(seen.size(), 500u) << count;
    for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
  }
}

TEST_F(ScanTest, PatternsAndTypesFilter) {
  load("a:", 100);
  load("b:", 100);
  EXPECT_EQ(scan({"MATCH", "a:*"}).size(), 100u);
  EXPECT_EQ(scan({"MATCH", "*:7", "COUNT", "3"}).size(), 2u);
  EXPECT_EQ(scan({"MATCH", "b:1?"}).size(), 10u);
  EXPECT_EQ(scan({"MATCH", "c*"}).size(), 0u);
  EXPECT_EQ(scan({"TYPE", "string"}).size(), 200u);
  EXPECT_EQ(scan({"TYPE", "hash"}).size(), 0u);
}

TEST_F(ScanTest, KeysThatStayAreReturnedWhileOthersComeAndGo) {
  load("stay:", 300);
  load("go:", 300);
  RawClient writer = served_.client();
  const auto seen = scan({"COUNT", "10"}, [&](int call) {
    writer.call({"DEL", "go:" + std::to_string(call * 3), "go:" + std::to_string(call * 3 + 1)});
    writer.call({"SET", "come:" + std::to_string(call), "v"});
  });
  for (int i = 0; i < 300; ++i) EXPECT_EQ(seen.count("stay:" + std::to_string(i)), 1u) << i;
}

TEST_F(ScanTest, ASwapInBetweenKeepsThePromise) {
  load("k", 300);
  const BackupId backup = served_.backup();
  load("later", 50);
  const auto seen = scan({"COUNT", "20"}, [&](int call) {
    if (call == 3) served_.restore(backup);
    if (call == 6) served_.undo();
  });
  for (int i = 0; i < 300; ++i) EXPECT_EQ(seen.count("k" + std::to_string(i)), 1u) << i;
}

TEST_F(ScanTest, UnknownCursorsAreRefused) {
  load("k", 10);
  EXPECT_TRUE(client_->call({"SCAN", "12345"}).starts_with("-ERR invalid cursor"));
}

TEST_F(ScanTest, RandomkeyReachesEveryKey) {
  EXPECT_EQ(client_->call({"RANDOMKEY"}), "$-1\r\n");
  load("some:prefix:", 30);
  client_->call({"MSET", "x", "1", "some:prefix:", "1", "", "1", "\xff\xff", "1"});
  std::set<std::string> seen;
  for (int i = 0; i < 3'000; ++i) seen.insert(client_->call({"RANDOMKEY"}));
  EXPECT_EQ(seen.size(), 34u);
}

TEST_F(ScanTest, RandomkeyOfManyKeysIsSpreadOut) {
  load("user:", 3'000);
  client_->call({"SET", "user:1:more", "v"});
  std::map<char, int> digits;
  for (int i = 0; i < 1'000; ++i) {
    const std::string key = parse_reply(client_->call({"RANDOMKEY"})).text;
    ASSERT_TRUE(key.starts_with("user:")) << key;
    ++digits[key[5]];
  }
  for (char digit = '0'; digit <= '9'; ++digit) EXPECT_GT(digits[digit], 5) << digit;
}

}  // namespace
}  // namespace restored::test
