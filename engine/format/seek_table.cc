// The seek table of zstd's seekable format 0.1.0 (zstd/contrib/seekable_format): a skippable frame
//   magic 4 | payload bytes 4 | entries: stored 4, content 4, sum 4 | frames 4 | descriptor 1 |
//   seekable magic 4, the object's last bytes
// with a guard in front, which readers of the plain format skip.
#include <fmt/core.h>

#include "base/check.h"
#include "format/frame.h"
#include "format/guard.h"
#include "format/little_endian.h"
#include "format/object_seal.h"
#include "restored/limits.h"

namespace restored::format {
namespace {

constexpr std::uint32_t skippable_magic = 0x184D2A5E;
constexpr std::uint32_t seekable_magic = 0x8F92EAB1;
constexpr std::uint8_t checksum_flag = 0x80;
constexpr std::uint64_t header_bytes = 8;
constexpr std::uint64_t entry_bytes = 12;
constexpr std::uint64_t footer_bytes = 9;
constexpr std::uint64_t frames_max = 0x8000000;  // the format's own bound

// The skippable frame alone.
constexpr std::uint64_t table_bytes(std::uint64_t frames) {
  return header_bytes + entry_bytes * frames + footer_bytes;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void append_entries(std::string& target, std::span<const Frame> frames,
                    std::span<const std::uint32_t> content_sums) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    append_little_endian(target, frames[i].stored_bytes);
    append_little_endian(target, frames[i].content_bytes);
    append_little_endian(target, content_sums[i]);
  }
}

Result<std::vector<SeekEntry>> read_entries(std::span<const std::byte> bytes) {
  std::vector<SeekEntry> entries(bytes.size() / entry_bytes);
  const std::byte* cursor = bytes.data();
  for (SeekEntry& entry : entries) {
    entry.stored_bytes = load_little_endian<std::uint32_t>(cursor);
    entry.content_bytes = load_little_endian<std::uint32_t>(cursor + 4);
    entry.content_sum = load_little_endian<std::uint32_t>(cursor + 8);
    cursor += entry_bytes;
    if (entry.content_bytes > limits::frame_bytes || entry.stored_bytes == 0 ||
        entry.stored_bytes > limits::frame_stored_bytes_max)
      return fail(ErrorCode::corruption,
                  fmt::format("seek table entry {} has impossible lengths {} and {}",
                              &entry - entries.data(), entry.stored_bytes, entry.content_bytes));
  }
  return entries;
}

Result<std::vector<SeekEntry>> open_entries(std::span<const std::byte> tail,
                                            const ObjectSeal& seal) {
  const std::uint64_t empty = guard_bytes + table_bytes(0);
  if (tail.size() < empty || (tail.size() - empty) % entry_bytes != 0)
    return fail(ErrorCode::corruption, fmt::format("a seek table has not {} bytes", tail.size()));
  const auto entries = open_table(seal, tail);
  if (!entries)
    return fail(ErrorCode::corruption,
                "the seek table is not what was sealed for this object: damaged, or changed by "
                "somebody who does not have the key");
  return read_entries(bytes_of(*entries));
}

}  // namespace

std::uint64_t seek_table_bytes(std::uint64_t frames) {
  return guard_bytes + table_bytes(frames);
}

std::string encode_seek_table(std::span<const Frame> frames,
                              std::span<const std::uint32_t> content_sums, const ObjectSeal& seal) {
  RESTORED_CHECK(frames.size() == content_sums.size(), "one sum a frame");
  RESTORED_CHECK(frames.size() <= frames_max, "a file has fewer frames");
  if (seal.key != nullptr) {
    std::string entries;
    entries.reserve(entry_bytes * frames.size());
    append_entries(entries, frames, content_sums);
    return seal_table(seal, bytes_of(entries));
  }
  std::string table(guard_bytes, '\0');
  table.reserve(seek_table_bytes(frames.size()));
  append_little_endian(table, skippable_magic);
  append_little_endian(table,
                       static_cast<std::uint32_t>(table_bytes(frames.size()) - header_bytes));
  append_entries(table, frames, content_sums);
  append_little_endian(table, static_cast<std::uint32_t>(frames.size()));
  append_little_endian(table, checksum_flag);
  append_little_endian(table, seekable_magic);
  write_guard(bytes_of(table).subspan(guard_bytes),
              std::as_writable_bytes(std::span(table)).first(guard_bytes));
  return table;
}

Result<std::vector<SeekEntry>> decode_seek_table(std::span<const std::byte> tail,
                                                 const ObjectSeal& seal) {
  if (seal.key != nullptr) return open_entries(tail, seal);
  if (tail.size() < seek_table_bytes(0))
    return fail(ErrorCode::corruption,
                fmt::format("{} bytes are too few for a seek table", tail.size()));
  const std::byte* footer = tail.data() + tail.size() - footer_bytes;
  if (load_little_endian<std::uint32_t>(footer + 5) != seekable_magic)
    return fail(ErrorCode::corruption, "the object does not end with a seek table");
  const auto count = load_little_endian<std::uint32_t>(footer);
  if (count > frames_max || seek_table_bytes(count) > tail.size())
    return fail(
        ErrorCode::corruption,
        fmt::format("a seek table of {} frames does not fit into {} bytes", count, tail.size()));
  const auto table = tail.last(table_bytes(count));
  if (!guard_fits(table, tail.last(seek_table_bytes(count)).first(guard_bytes)))
    return fail(ErrorCode::corruption, "the seek table differs from its hash");
  const std::byte* cursor = table.data();
  if (load_little_endian<std::uint32_t>(cursor) != skippable_magic ||
      load_little_endian<std::uint32_t>(cursor + 4) != table.size() - header_bytes)
    return fail(ErrorCode::corruption, "the seek table's header differs from its footer");
  const auto descriptor = static_cast<std::uint8_t>(footer[4]);
  if (descriptor != checksum_flag)
    return fail(
        ErrorCode::unsupported_format,
        fmt::format("seek table descriptor is {:#04x}, not {:#04x}", descriptor, checksum_flag));
  return read_entries(table.subspan(header_bytes, entry_bytes * count));
}

}  // namespace restored::format
