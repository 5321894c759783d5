// Bytes to and from one peer, plain or TLS. Nothing here waits: a step that cannot go on says what
// it wants, and its caller polls for that.
// Threading: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace restored::net {

struct Step {
  enum class Kind : std::uint8_t {
    moved,        // `bytes`, at least one
    wants_read,   // when the socket can be read, again
    wants_write,  // when it can be written, again
    ended,        // the peer's orderly end
    failed,       // for this reason; nothing more can be read or written
  };
  Kind kind = Kind::failed;
  std::size_t bytes = 0;
  std::string reason;
  bool drained = false;  // by a read: nothing more is there, so that a poll() can come first
};

class Stream {
 public:
  virtual ~Stream() = default;
  // REQUIRES: not empty.
  virtual Step read(std::span<std::byte> into) = 0;
  // At least this many bytes are still to come, and their reader is in no hurry for fewer: a hint,
  // which holds until the next one.
  virtual void expect(std::size_t bytes) = 0;
  // REQUIRES: not empty. After wants_read or wants_write the same bytes are offered again.
  virtual Step write(std::span<const std::byte> from) = 0;
  virtual int fd() const = 0;
  // Nothing to be read, not even the peer's end: fit to be kept for another request.
  virtual bool quiet() const = 0;
};

}  // namespace restored::net
