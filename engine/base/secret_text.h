// Text that must not leak: in memory of its own that core dumps leave out and, where the kernel
// allows it, that is never swapped out; overwritten before it is given back.
//
// It cannot hide what others copy: who takes a view and copies it wipes the copy.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace restored {

// Threading: like a std::string.
class SecretText {
 public:
  SecretText() = default;
  static SecretText copy(std::string_view text);
  static SecretText joined(std::initializer_list<std::string_view> parts);
  // So many zero bytes, to be filled through bytes().
  static SecretText of_size(std::size_t size);

  SecretText(SecretText&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        mapped_bytes_(std::exchange(other.mapped_bytes_, 0)) {}
  SecretText& operator=(SecretText&& other) noexcept;
  ~SecretText() { reset(); }

  // Valid until this text is assigned to, moved from or destroyed.
  std::string_view view() const { return {memory_, size_}; }
  std::span<char> bytes() { return {memory_, size_}; }
  bool empty() const { return size_ == 0; }
  // Keeps the first bytes, and overwrites the rest. REQUIRES: no more than there are.
  void shrink(std::size_t size);

 private:
  void reset() noexcept;

  char* memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_bytes_ = 0;
};

// Overwrites the text and all of its capacity, and leaves it empty.
void wipe(std::string& text) noexcept;

// Wipes a string at the end of a scope.
class WipeAtEnd {
 public:
  explicit WipeAtEnd(std::string& text) : text_(text) {}
  ~WipeAtEnd() { wipe(text_); }
  WipeAtEnd(const WipeAtEnd&) = delete;
  WipeAtEnd& operator=(const WipeAtEnd&) = delete;

 private:
  std::string& text_;
};

}  // namespace restored
