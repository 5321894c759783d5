// Takes decisions from the front of an input, so that mutated bytes become mutated structures. An
// input that is used up gives zeros.
// Threading: one thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace restored::fuzz {

class Choices {
 public:
  explicit Choices(std::string_view input) : rest_(input) {}

  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  bool flag() { return (byte() & 1) != 0; }
  // Of so many bytes, little endian.
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes && !rest_.empty(); ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_.front())) << (8 * i);
      rest_.remove_prefix(1);
    }
    return value;
  }
  // 0 to `end` - 1. REQUIRES: end > 0.
  std::size_t below(std::size_t end) { return number(end <= 256 ? 1 : 4) % end; }
  // A length byte and so many bytes, or what is left of them.
  std::string_view text() { return take(byte()); }
  std::string_view take(std::size_t bytes) {
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Up to the separator, which is passed over; all that is left when there is none.
  std::string_view until(char separator) {
    const std::size_t end = std::min(rest_.find(separator), rest_.size());
    const std::string_view taken = take(end);
    if (!rest_.empty()) rest_.remove_prefix(1);
    return taken;
  }
  std::string_view rest() { return take(rest_.size()); }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// How an input arrives: in pieces of lengths that a seed decides, each at least one byte.
class Pieces {
 public:
  // 0: all at once; 1: byte by byte.
  Pieces(std::string_view input, std::uint8_t seed) : rest_(input), state_(seed) {}

  bool done() const { return rest_.empty(); }
  std::string_view next() {
    std::size_t bytes = rest_.size();
    if (state_ == 1) bytes = 1;
    if (state_ > 1) {
      state_ = state_ * 1103515245 + 12345;
      if (state_ < 2) state_ = 2;
      bytes = 1 + (state_ >> 16) % ((state_ >> 8) % 4 == 0 ? 400 : 9);
    }
    const std::string_view piece = rest_.substr(0, bytes);
    rest_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view rest_;
  std::uint32_t state_;
};

}  // namespace restored::fuzz
