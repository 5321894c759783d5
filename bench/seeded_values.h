// Seeded content of a chosen compressibility, fast enough not to be what is measured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace restored::bench {

// xoshiro256** (Blackman and Vigna, public domain algorithm): 64 bits at a time.
class SeededBytes {
 public:
  explicit SeededBytes(std::uint64_t seed);
  std::uint64_t next();
  // About `random_part` of the bytes cannot be compressed, in runs shorter than 64 bytes, so that
  // a compressor has work to do everywhere; the rest repeats a few words.
  void fill(std::span<std::byte> into, double random_part);

 private:
  std::uint64_t state_[4];
};

}  // namespace restored::bench
