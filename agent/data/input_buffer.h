// Bytes read from a connection and not consumed yet, in one piece, so that requests are parsed in
// place. Grows with what arrives, never with what a client announces, and shrinks again.
//
// Threading: one thread at a time.
#pragma once

#include <string.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace restored::data {

class InputBuffer {
 public:
  std::string_view unread() const { return {bytes_.get() + begin_, end_ - begin_}; }
  std::size_t free_bytes() const { return capacity_ - end_; }

  // Room behind the unread bytes, which may move. `wanted`: the request in progress has at least
  // so many bytes.
  std::span<char> prepare(std::size_t wanted) {
    const std::size_t size = end_ - begin_;
    if (size == 0) begin_ = end_ = 0;
    if (size == 0 && capacity_ > kept_bytes) capacity_ = 0;  // of a big request: give it back
    if (capacity_ < size + read_bytes_) {
      resize(std::max({size + read_bytes_, grown(size, wanted), first_bytes}));
    } else if (capacity_ - end_ < read_bytes_) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, size);
      begin_ = 0;
      end_ = size;
    }
    return {bytes_.get() + end_, capacity_ - end_};
  }
  // A read that fills the room is followed by a larger one.
  void commit(std::size_t bytes) {
    end_ += bytes;
    if (end_ == capacity_) read_bytes_ = std::min(2 * read_bytes_, read_bytes_max);
  }
  void consume(std::size_t bytes) { begin_ += bytes; }
  // The same, and they are overwritten: a connection may idle for days with its password here.
  void consume_secret(std::size_t bytes) {
    ::explicit_bzero(bytes_.get() + begin_, bytes);
    consume(bytes);
  }

 private:
  static constexpr std::size_t first_bytes = 4 * 1024;
  static constexpr std::size_t read_bytes_max = 64 * 1024;
  static constexpr std::size_t kept_bytes = 256 * 1024;

  // By half at least, so that all copies of a request together are a few times its size, however
  // small the parts in which it comes; exactly to the end that is known, but never beyond twice of
  // what is there.
  static std::size_t grown(std::size_t size, std::size_t wanted) {
    return std::max(size + size / 2, std::min(wanted, 2 * size));
  }

  void resize(std::size_t capacity) {
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    const std::size_t size = end_ - begin_;
    if (size > 0) std::memcpy(bytes.get(), bytes_.get() + begin_, size);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
    begin_ = 0;
    end_ = size;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t read_bytes_ = first_bytes / 2;
};

}  // namespace restored::data
