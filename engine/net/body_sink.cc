#include "net/body_sink.h"

#include <algorithm>

#include "base/check.h"

namespace restored::net {
namespace {

std::optional<std::span<std::byte>> choice(const Target& target, const ResponseHead& head) {
  return target.choose ? target.choose(head) : std::nullopt;
}

}  // namespace

BodySink::BodySink(const Target& target, Response& response)
    : target_(target), response_(response), chosen_(choice(target, response.head)) {}

// A string grows with what has come, not with what was announced.
std::span<std::byte> BodySink::room(std::size_t bytes) {
  const std::size_t left = std::min(bytes, capacity() - bytes_);
  if (chosen_) return chosen_->subspan(bytes_, left);
  std::string& body = response_.body;
  if (left > 0 && body.size() == bytes_) {
    body.resize(bytes_ + std::min(left, std::max(collected_at_once, bytes_)));
  }
  return std::as_writable_bytes(std::span(body))
      .subspan(bytes_, std::min(left, body.size() - bytes_));
}

void BodySink::filled(std::size_t bytes) {
  RESTORED_CHECK(bytes <= capacity() - bytes_, "no more than there was room for");
  bytes_ += bytes;
  if (chosen_ && bytes > 0 && target_.arrived) target_.arrived(bytes);
}

bool BodySink::finish() {
  if (chosen_) return bytes_ == chosen_->size();
  response_.body.resize(bytes_);
  return true;
}

}  // namespace restored::net
