#include "ballast.h"

#include <chrono>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "content_model.h"

namespace restored::soak_test {
namespace {

constexpr std::size_t batch = 128;
constexpr std::chrono::milliseconds pause{40};

// Half of it is random, so that it compresses to about that.
std::string value_of(const std::string& key, std::mt19937_64& random) {
  std::string value = key + " ";
  while (value.size() < ballast_value_bytes / 2) {
    const std::uint64_t bits = random();
    for (unsigned i = 0; i < 8; ++i) value.push_back(static_cast<char>(bits >> (8 * i)));
  }
  value.resize(ballast_value_bytes, '.');
  return value;
}

}  // namespace

void write_ballast(crash_test::World& world, const std::string& database,
                   system_test::RedisClient client, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  while (!world.resting()) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (std::size_t i = 0; i < batch; ++i) {
      const std::string key =
          std::string(crash_test::ballast_prefix) + std::to_string(random() % ballast_keys);
      pairs.emplace_back(key, value_of(key, random));
    }
    if (!client.load(pairs)) return world.wrong("ballast cannot be written to " + database);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace restored::soak_test
