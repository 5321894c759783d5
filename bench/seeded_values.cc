#include "seeded_values.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

namespace restored::bench {
namespace {

constexpr std::size_t run_bytes = 64;

}  // namespace

SeededBytes::SeededBytes(std::uint64_t seed) {
  // splitmix64, as the generator's authors advise for seeding.
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    word = mixed ^ (mixed >> 31);
  }
}

std::uint64_t SeededBytes::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SeededBytes::fill(std::span<std::byte> into, double random_part) {
  constexpr std::string_view words =
      "\"name\":\"value\",\"created_at\":\"2026-11-22\",\"state\":\"ready\",\"region\":\"us\",";
  const auto cut = static_cast<std::size_t>(random_part * run_bytes);
  for (std::size_t begin = 0; begin < into.size(); begin += run_bytes) {
    const auto run = into.subspan(begin, std::min(run_bytes, into.size() - begin));
    const std::size_t random_bytes = std::min(cut, run.size());
    for (std::size_t at = 0; at < random_bytes; at += sizeof(std::uint64_t)) {
      const std::uint64_t word = next();
      std::memcpy(run.data() + at, &word, std::min(sizeof word, random_bytes - at));
    }
    for (std::size_t at = random_bytes; at < run.size(); ++at) {
      run[at] = static_cast<std::byte>(words[(begin / run_bytes + at) % words.size()]);
    }
  }
}

}  // namespace restored::bench
