// The seek table at an object's end, with and without a guard that fits the bytes.
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

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void check(std::string_view tail) {
  const auto read = format::decode_seek_table(bytes_of(tail));
  if (!read) return require_sound(read.error());
  std::vector<format::Frame> frames;
  std::vector<std::uint32_t> sums;
  for (const format::SeekEntry& entry : *read) {
    require(entry.stored_bytes > 0 && entry.stored_bytes <= limits::frame_stored_bytes_max &&
                entry.content_bytes <= limits::frame_bytes,
            "an entry has possible lengths");
    frames.push_back({entry.stored_bytes, entry.content_bytes, 0});
    sums.push_back(entry.content_sum);
  }
  require(tail.ends_with(format::encode_seek_table(frames, sums)),
          "a table that is written again is the same");
}

// Where the table that the last bytes announce begins, if it fits.
void fit_guard(std::string& tail) {
  constexpr std::size_t footer_bytes = 9;
  if (tail.size() < footer_bytes) return;
  std::uint32_t count = 0;
  std::memcpy(&count, tail.data() + tail.size() - footer_bytes, sizeof count);
  const std::uint64_t bytes = format::seek_table_bytes(count);
  if (bytes > tail.size()) return;
  const auto all = std::as_writable_bytes(std::span(tail)).last(bytes);
  format::write_guard(all.subspan(format::guard_bytes), all.first(format::guard_bytes));
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t kind = choices.byte();
  std::string tail(choices.rest());
  check(tail);
  if ((kind & 1) != 0) {
    // Its end as every table has it, so that what stands before is reached.
    tail += std::string("\x80\xB1\xEA\x92\x8F", 5);
  }
  fit_guard(tail);
  check(tail);
}

const Registration registration({"seek_table", 4096, run});

}  // namespace
}  // namespace restored::fuzz
