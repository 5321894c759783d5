// The frame index: 16 bytes of header, then 12 bytes a frame, so that a file's slice stands at
// 16 + 12 * frames_begin. A frame's content length follows from the file's size.
//   "RSTFRAME" | version 4 | bytes of an entry 4 | entries: stored length 4, hash 8
#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "format/frame_layout.h"
#include "format/hash.h"
#include "format/little_endian.h"
#include "format/manifest.h"
#include "restored/limits.h"

namespace restored::format {
namespace {

constexpr std::string_view magic = "RSTFRAME";
constexpr std::uint64_t header_bytes = frame_index_header_bytes;
constexpr std::uint64_t entry_bytes = frame_entry_bytes;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void append_entries(std::string& target, std::span<const Frame> frames) {
  for (const Frame& frame : frames) {
    append_little_endian(target, frame.stored_bytes);
    append_little_endian(target, frame.hash);
  }
}

// The frames of one file out of its slice, checked against what the manifest says of it.
Result<void> decode_file(const ManifestFile& file, bool keyed, std::span<const std::byte> slice,
                         std::span<Frame> frames) {
  if (hash128_hex(slice) != file.frames_hash)
    return fail(ErrorCode::corruption, "the slice's hash differs from the manifest");
  std::uint64_t stored_bytes = 0;
  std::uint64_t content_left = file.size_bytes;
  const std::byte* cursor = slice.data();
  for (Frame& frame : frames) {
    frame.stored_bytes = load_little_endian<std::uint32_t>(cursor);
    frame.hash = load_little_endian<std::uint64_t>(cursor + 4);
    frame.content_bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(content_left, limits::frame_bytes));
    cursor += entry_bytes;
    content_left -= frame.content_bytes;
    stored_bytes += frame.stored_bytes;
    if (frame.stored_bytes == 0 || frame.stored_bytes > limits::frame_stored_bytes_max)
      return fail(ErrorCode::corruption, fmt::format("frame {} has an impossible stored length {}",
                                                     &frame - frames.data(), frame.stored_bytes));
  }
  if (stored_bytes != file.stored_bytes)
    return fail(ErrorCode::corruption,
                fmt::format("the frames have {} stored bytes, the manifest says {}", stored_bytes,
                            file.stored_bytes));
  if (!keyed && content_id(file.size_bytes, frames) != file.content)
    return fail(ErrorCode::corruption, "the content id does not follow from the frames' hashes");
  return {};
}

}  // namespace

std::uint64_t frames_bytes(std::uint64_t frames) {
  return header_bytes + entry_bytes * frames;
}

std::string frame_index_header(std::uint32_t version) {
  std::string header(magic);
  append_little_endian(header, version);
  append_little_endian(header, static_cast<std::uint32_t>(entry_bytes));
  return header;
}

std::string encode_frames(std::span<const Frame> frames) {
  std::string index = frame_index_header(format_version);
  index.reserve(frames_bytes(frames.size()));
  append_entries(index, frames);
  return index;
}

std::string frames_slice_hash(std::span<const Frame> frames) {
  std::string slice;
  slice.reserve(entry_bytes * frames.size());
  append_entries(slice, frames);
  return hash128_hex(bytes_of(slice));
}

void index_frames(Manifest& manifest, std::span<const Frame> frames) {
  std::uint64_t begin = 0;
  for (ManifestFile& file : manifest.files) {
    file.frames_begin = begin;
    file.frames_count = frames_of(file.size_bytes);
    RESTORED_CHECK(file.frames_count <= frames.size() - begin, "each file has its frames");
    const auto slice = frames.subspan(begin, file.frames_count);
    file.stored_bytes = 0;
    std::uint64_t content_bytes = 0;
    for (const Frame& frame : slice) {
      file.stored_bytes += frame.stored_bytes;
      content_bytes += frame.content_bytes;
    }
    RESTORED_CHECK(content_bytes == file.size_bytes, "the frames make up the file");
    if (manifest.data_key.empty()) file.content = content_id(file.size_bytes, slice);
    file.frames_hash = frames_slice_hash(slice);
    begin += file.frames_count;
  }
  RESTORED_CHECK(begin == frames.size(), "each frame has its file");
  manifest.frames_count = frames.size();
  manifest.frames_hash = hash128_hex(bytes_of(encode_frames(frames)));
}

Result<std::vector<Frame>> decode_frames(const Manifest& manifest, std::string_view bytes) {
  if (bytes.size() != frames_bytes(manifest.frames_count))
    return fail(ErrorCode::corruption,
                fmt::format("the frame index has {} bytes, the manifest says {}", bytes.size(),
                            frames_bytes(manifest.frames_count)));
  if (hash128_hex(bytes_of(bytes)) != manifest.frames_hash)
    return fail(ErrorCode::corruption, "the frame index's hash differs from the manifest");
  // The hash is right, so a different header is another writer's, not damage.
  const std::string header = encode_frames({});
  if (!bytes.starts_with(header))
    return fail(ErrorCode::unsupported_format, "the frame index has an unknown header");
  const auto entries = bytes_of(bytes.substr(header.size()));
  std::vector<Frame> frames(manifest.frames_count);
  const bool keyed = !manifest.data_key.empty();
  for (const ManifestFile& file : manifest.files) {
    const auto slice =
        entries.subspan(entry_bytes * file.frames_begin, entry_bytes * file.frames_count);
    const auto of_file = std::span(frames).subspan(file.frames_begin, file.frames_count);
    if (auto decoded = decode_file(file, keyed, slice, of_file); !decoded)
      return std::unexpected(context("frames of " + file.name, std::move(decoded).error()));
  }
  return frames;
}

}  // namespace restored::format
