// Streams that are almost right, by seed: an error, a close or an answer, never a crash, and the
// next client is served.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "command_corpus.h"
#include "served_engine.h"

namespace restored::test {
namespace {

std::string mutated(std::string text, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return random() % bound; };
  const std::size_t changes = 1 + below(6);
  for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = below(text.size());
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, 1 + below(4));
        break;
      case 2:
        text.insert(at, 1 + below(3), static_cast<char>(below(256)));
        break;
      case 3:
        text.insert(at, "\r\n");
        break;
      case 4: {
        const std::size_t digit = text.find_first_of("0123456789", at);
        if (digit != std::string::npos) text[digit] = static_cast<char>('0' + below(10));
        break;
      }
      default:
        text.insert(at, text.substr(below(text.size()), below(50)));
        break;
    }
  }
  return text;
}

TEST(MalformedTest, MutatedStreamsNeverCrashTheServer) {
  std::uint64_t seed = 4711;
  if (const char* given = std::getenv("RESTORED_SEED")) seed = std::strtoull(given, nullptr, 10);
  SCOPED_TRACE("RESTORED_SEED=" + std::to_string(seed));
  data::DataOptions options = test_options();
  options.value_bytes_max = 1'000'000;
  ServedEngine served(options);
  std::mt19937_64 random(seed);
  RandomCommands source(seed);
  for (int round = 0; round < 600; ++round) {
    RawClient client = random() % 4 == 0 ? served.stranger() : served.client();
    std::string text;
    for (int i = 0; i < 10; ++i) text += encode_request(source.next());
    if (!client.send(mutated(std::move(text), random))) continue;
    client.finish_sending();
    client.drain();  // bounded: the server closes at the end of the stream
    ASSERT_FALSE(::testing::Test::HasFailure()) << "round " << round;
  }
  RawClient next = served.client();
  EXPECT_EQ(next.call({"PING"}), "+PONG\r\n");
}

TEST(MalformedTest, NoiseIsAnsweredOrClosed) {
  ServedEngine served;
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    RawClient client = served.client();
    std::string noise(1 + random() % 2000, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    client.send(noise);
    client.finish_sending();
    client.drain();
  }
  EXPECT_EQ(served.client().call({"PING"}), "+PONG\r\n");
}

TEST(MalformedTest, AnnouncedBytesAreNotAllocated) {
  ServedEngine served;
  std::vector<RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(served.client());
    ASSERT_TRUE(clients.back().send("*2\r\n$3\r\nGET\r\n$536870912\r\nx"));
  }
  const std::string info = served.client().call({"CLIENT", "LIST"});
  for (std::size_t at = info.find("qbuf-free="); at != std::string::npos;
       at = info.find("qbuf-free=", at + 1)) {
    EXPECT_LT(std::atoll(info.c_str() + at + 10), 300'000);
  }
}

}  // namespace
}  // namespace restored::test
