// One frame. Content comes back as it was; a changed byte is noticed; and behind a guard that fits
// the changed bytes, what zstd makes of them is the content that the index names, or an error.
#include <cstring>
#include <string>
#include <vector>

#include "choices.h"
#include "format/frame.h"
#include "format/guard.h"
#include "restored/limits.h"
#include "target.h"

namespace restored::fuzz {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text) {
  const auto all = std::as_bytes(std::span(text.data(), text.size()));
  return {all.begin(), all.end()};
}

// Of `frame`, or an error; the target has exactly the size, so that the sanitizer sees a byte more.
bool decodes(const format::Frame& frame, std::uint64_t position, const Bytes& stored, Bytes& into) {
  static format::FrameDecoder decoder;
  into.assign(frame.content_bytes, std::byte{0});
  const Result<void> decoded = decoder.decode(frame, position, stored, into);
  if (!decoded) require_sound(decoded.error());
  return decoded.has_value();
}

void fit_guard(Bytes& stored) {
  if (stored.size() <= format::guard_bytes) return;
  const auto all = std::span(stored);
  format::write_guard(all.first(all.size() - format::guard_bytes), all.last(format::guard_bytes));
}

// Bytes that no encoder of ours made, behind a guard that fits them.
void check_foreign(Choices& choices) {
  format::Frame frame;
  frame.content_bytes = static_cast<std::uint32_t>(choices.number(3) % (limits::frame_bytes + 1));
  frame.hash = choices.number(8);
  Bytes stored = bytes_of(choices.rest());
  stored.resize(stored.size() + format::guard_bytes);
  fit_guard(stored);
  frame.stored_bytes = static_cast<std::uint32_t>(stored.size());
  Bytes into;
  if (decodes(frame, 0, stored, into))
    require(format::frame_hash(into, 0) == frame.hash, "content has the hash of the index");
}

// Some repetition of the input, so that zstd finds matches.
Bytes content_of(Choices& choices) {
  const std::size_t repeats = 1 + choices.below(200);
  const std::string_view piece = choices.text();
  std::string content;
  for (std::size_t i = 0; i < repeats; ++i) content += piece;
  content += choices.text();
  content.resize(std::min<std::size_t>(content.size(), limits::frame_bytes));
  return bytes_of(content);
}

void check_own(Choices& choices) {
  static std::vector<format::FrameEncoder> encoders = [] {
    std::vector<format::FrameEncoder> made;
    for (const int level : {1, 3, 9}) made.emplace_back(level);
    return made;
  }();
  const std::uint64_t position = choices.number(2);
  format::FrameEncoder& encoder = encoders[choices.below(encoders.size())];
  const Bytes content = content_of(choices);
  static Bytes room(limits::frame_stored_bytes_max);
  const std::size_t bytes = encoder.encode(content, room);
  Bytes stored(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(bytes));
  const format::Frame frame{static_cast<std::uint32_t>(bytes),
                            static_cast<std::uint32_t>(content.size()),
                            format::frame_hash(content, position)};
  Bytes into;
  require(decodes(frame, position, stored, into) && into == content, "content comes back");
  require(!decodes(frame, position + 1, stored, into) || content.empty(),
          "a frame at another place is noticed");

  const Bytes before = stored;
  for (unsigned changes = 0; changes < 8 && !choices.empty(); ++changes) {
    const std::size_t at = choices.number(3) % stored.size();
    stored[at] ^= static_cast<std::byte>(choices.byte());
  }
  if (stored == before) return;
  require(!decodes(frame, position, stored, into), "a changed byte is noticed");
  fit_guard(stored);
  if (decodes(frame, position, stored, into))
    require(into == content, "changed bytes give the same content or none");
}

void run(std::string_view input) {
  Choices choices(input);
  if (choices.flag()) {
    check_own(choices);
  } else {
    check_foreign(choices);
  }
}

const Registration registration({"frame", 8 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
