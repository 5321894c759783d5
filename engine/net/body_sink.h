// Where the bytes of one answer's body go: into the caller's memory, or into a string up to a
// bound.
// Threading: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "net/http_client.h"

namespace restored::net {

class BodySink {
 public:
  // Asks the target. It and the response outlive the sink.
  BodySink(const Target& target, Response& response);

  std::size_t capacity() const { return chosen_ ? chosen_->size() : target_.collect_bytes_max; }
  // A body beyond the capacity is refused; otherwise the rest of it is dropped: what matters of an
  // error is its status.
  bool strict() const { return chosen_ || response_.head.status / 100 == 2; }

  bool collects() const { return !chosen_; }

  // Memory for the next bytes: `bytes` of them at most, if that is known. Empty: it is full.
  std::span<std::byte> room(std::size_t bytes = SIZE_MAX);
  void filled(std::size_t bytes);
  // The body ended here. False: the caller's memory is not full.
  bool finish();

  std::size_t bytes() const { return bytes_; }

 private:
  const Target& target_;
  Response& response_;
  const std::optional<std::span<std::byte>> chosen_;
  std::size_t bytes_ = 0;
};

}  // namespace restored::net
