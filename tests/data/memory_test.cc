// What one client can make the server hold in memory.
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "served_engine.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

constexpr std::size_t value_bytes = 16 * kMiB;
constexpr std::size_t repeats = 200;  // 3.1 GiB, if each were held
constexpr std::uint64_t growth_max = 512 * kMiB;

// Since the last call of begin(), of this process: server and client.
class PeakMemory {
 public:
  void begin() {
    std::ofstream("/proc/self/clear_refs") << 5;
    begin_ = peak();
  }
  std::uint64_t growth() const { return peak() - begin_; }

 private:
  static std::uint64_t peak() {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word && word != "VmHWM:") {
    }
    std::uint64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes * kKiB;
  }
  std::uint64_t begin_ = 0;
};

// Bounds that a test reaches soon.
data::DataOptions narrow_options() {
  data::DataOptions options = test_options();
  options.value_bytes_max = 1 * kMiB;
  options.input_buffer_bytes_max = 4 * kMiB;
  return options;
}

Words repeated(const std::string& command, const std::string& key) {
  Words words = {command};
  words.insert(words.end(), repeats, key);
  return words;
}

data::DataOptions small_output() {
  data::DataOptions options = test_options();
  options.value_bytes_max = 32 * kMiB;
  options.output_buffer_bytes_max = 64 * kMiB;
  return options;
}

class DataMemoryTest : public ::testing::Test {
 protected:
  DataMemoryTest() : served_(small_output()), client_(served_.client()) {
    EXPECT_EQ(client_.call({"SET", "big", std::string(value_bytes, 'v')}), "+OK\r\n");
    EXPECT_EQ(client_.call({"SET", "small", "s"}), "+OK\r\n");
  }

  ServedEngine served_;
  RawClient client_;
  PeakMemory memory_;
};

TEST_F(DataMemoryTest, CountingABigValueOftenHoldsItOnce) {
  for (const char* command : {"EXISTS", "TOUCH"}) {
    memory_.begin();
    EXPECT_EQ(client_.call(repeated(command, "big")), ":200\r\n");
    EXPECT_LT(memory_.growth(), growth_max) << command;
  }
  EXPECT_EQ(client_.call({"EXISTS", "big", "none", "small", "big", "small"}), ":4\r\n");
}

TEST_F(DataMemoryTest, AnAnswerBeyondTheOutputBoundClosesTheClientBeforeItIsRead) {
  memory_.begin();
  EXPECT_EQ(client_.call(repeated("MGET", "big")), "<closed>");
  EXPECT_LT(memory_.growth(), growth_max);
  RawClient other = served_.client();
  EXPECT_EQ(other.call({"STRLEN", "big"}), ":16777216\r\n") << "others do not suffer";
  EXPECT_EQ(other.call({"MULTI"}), "+OK\r\n");
  EXPECT_EQ(other.call(repeated("MGET", "big")), "+QUEUED\r\n");
  memory_.begin();
  EXPECT_EQ(other.call({"EXEC"}), "<closed>");
  EXPECT_LT(memory_.growth(), growth_max);
}

TEST_F(DataMemoryTest, AnAnswerWithinTheBoundIsWholeAndInOrder) {
  const std::string big = "$16777216\r\n" + std::string(value_bytes, 'v') + "\r\n";
  const std::string small = "$1\r\ns\r\n";
  const std::string expected = "*5\r\n" + small + big + "$-1\r\n" + big + small;
  EXPECT_TRUE(client_.call({"MGET", "small", "big", "none", "big", "small"}) == expected);
  EXPECT_EQ(client_.call({"MULTI"}), "+OK\r\n");
  EXPECT_EQ(client_.call({"SET", "none", "now"}), "+QUEUED\r\n");
  EXPECT_EQ(client_.call({"DEL", "small"}), "+QUEUED\r\n");
  EXPECT_EQ(client_.call({"MGET", "small", "big", "none"}), "+QUEUED\r\n");
  EXPECT_EQ(client_.call({"EXISTS", "small", "big", "none", "big"}), "+QUEUED\r\n");
  EXPECT_TRUE(client_.call({"EXEC"}) ==
              "*4\r\n+OK\r\n:1\r\n*3\r\n$-1\r\n" + big + "$3\r\nnow\r\n:3\r\n");
}

TEST_F(DataMemoryTest, WatchedKeysCountAgainstTheBoundOfTheQueue) {
  ServedEngine served(narrow_options());
  RawClient client = served.client();
  std::string refusal;
  for (int i = 0; i < 100 && refusal.empty(); ++i) {
    const std::string reply =
        client.call({"WATCH", "a" + std::string(100 * kKiB, 'k') + std::to_string(i)});
    if (reply != "+OK\r\n") refusal = reply;
  }
  EXPECT_EQ(refusal, "-ERR too many watched keys: UNWATCH some, or EXEC\r\n");
  // The queue has what the keys leave.
  EXPECT_EQ(client.call({"MULTI"}), "+OK\r\n");
  EXPECT_EQ(client.call({"SET", "x", std::string(512 * kKiB, 'v')}),
            "-ERR transaction is too large\r\n");
  EXPECT_TRUE(client.call({"EXEC"}).starts_with("-EXECABORT"));
  EXPECT_EQ(client.call({"WATCH", "b"}), "+OK\r\n") << "EXEC has forgotten the others";
  // Very many small ones, in one request.
  Words many = {"WATCH"};
  for (int i = 0; i < 100'000; ++i) many.push_back(std::to_string(i));
  EXPECT_TRUE(client.call(many).starts_with("-ERR too many watched keys"));
  EXPECT_EQ(client.call({"MULTI"}), "+OK\r\n");
  RawClient other = served.client();
  EXPECT_EQ(other.call({"SET", "1", "x"}), "+OK\r\n");
  EXPECT_EQ(client.call({"EXEC"}), "*0\r\n") << "of a refused WATCH no key is watched";
}

TEST_F(DataMemoryTest, ATransactionOfShortCommandsIsBoundedByWhatItMakes) {
  ServedEngine served(narrow_options());
  RawClient client = served.client();
  const auto queue = [&](const Words& words) { ASSERT_EQ(client.call(words), "+QUEUED\r\n"); };
  const std::string longest = std::to_string(1 * kMiB - 1);
  EXPECT_EQ(client.call({"MULTI"}), "+OK\r\n");
  for (int i = 0; i < 8; ++i) queue({"SETRANGE", "k" + std::to_string(i), longest, "x"});
  EXPECT_EQ(client.call({"EXEC"}),
            "-EXECABORT Transaction discarded because its changes are too large.\r\n");
  EXPECT_EQ(client.call({"EXISTS", "k0", "k7"}), ":0\r\n");
  // What is overwritten or deleted again takes no room.
  EXPECT_EQ(client.call({"MULTI"}), "+OK\r\n");
  for (int i = 0; i < 16; ++i) {
    queue({"SETRANGE", "same", longest, std::to_string(i % 10)});
    queue({"SETRANGE", "k" + std::to_string(i), longest, "x"});
    queue({"DEL", "k" + std::to_string(i)});
  }
  EXPECT_TRUE(client.call({"EXEC"}).starts_with("*48\r\n:1048576\r\n:1048576\r\n:1\r\n"));
  EXPECT_EQ(client.call({"GETRANGE", "same", "-1", "-1"}), "$1\r\n5\r\n");
}

}  // namespace
}  // namespace restored::test
