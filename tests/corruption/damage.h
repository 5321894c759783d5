// The ways in which bytes are damaged, all of them or a seeded sample, and what came of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace restored::corruption_test {

inline bool long_form() {
  const char* const set = std::getenv("RESTORED_TEST_LONG");
  return set != nullptr && std::string_view(set) == "1";
}

inline std::uint64_t seed() {
  const char* const set = std::getenv("RESTORED_TEST_SEED");
  return set == nullptr || *set == '\0' ? 20251122 : std::strtoull(set, nullptr, 10);
}

// Of one run of damaged files; the same seed gives the same ones.
class Choice {
 public:
  // All positions below `size`; or the first and last few and a sample of the others.
  std::vector<std::size_t> positions(std::size_t size, std::size_t wanted) {
    std::vector<std::size_t> all(size);
    std::iota(all.begin(), all.end(), std::size_t{0});
    if (long_form() || size <= wanted) return all;
    const std::size_t edge = wanted / 4;
    std::vector<std::size_t> some;
    for (std::size_t i = 0; i < edge; ++i) some.push_back(i);
    for (std::size_t i = 2 * edge; i < wanted; ++i) {
      some.push_back(edge + random_() % (size - 2 * edge));
    }
    for (std::size_t i = size - edge; i < size; ++i) some.push_back(i);
    return some;
  }
  // One byte becomes another one.
  std::string flipped(std::string bytes, std::size_t at) {
    const auto mask = static_cast<unsigned char>(1 + random_() % 255);
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ mask);
    return bytes;
  }

 private:
  std::mt19937_64 random_{seed()};
};

// Counts, and says them at its end.
class Tally {
 public:
  explicit Tally(std::string what) : what_(std::move(what)) {}
  ~Tally() {
    std::printf(
        "%-64s %6zu cases: %zu detected, %zu harmless%s (%s, seed %llu)\n", what_.c_str(),
        detected + harmless + older, detected, harmless,
        older == 0 ? "" : (", " + std::to_string(older) + " opened as it was before").c_str(),
        long_form() ? "every byte" : "a sample", static_cast<unsigned long long>(seed()));
  }
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

  std::size_t detected = 0;
  std::size_t harmless = 0;
  std::size_t older = 0;  // what RocksDB takes for a write that was cut off

 private:
  const std::string what_;
};

}  // namespace restored::corruption_test
