// The frame index of an encrypted backup: a header, then each file's slice, sealed on its own, so
// that one can be fetched and opened without the others.
//   "RSTFRAME" | version 2: 4 | bytes of an entry 4 | per file: nonce 24, entries, tag 16
#include <fmt/core.h>

#include "base/check.h"
#include "format/frame_layout.h"
#include "format/little_endian.h"
#include "format/sealed.h"
#include "seal/box.h"

namespace restored::format {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// A slice opens only as that of this file of this backup.
std::string slice_place(const Place& place, const ManifestFile& file, std::uint64_t position) {
  std::string bound = fmt::format("frames\n{}\n{}\n", place.repository_id, place.key);
  append_little_endian(bound, position);
  append_little_endian(bound, file.frames_begin);
  append_little_endian(bound, file.frames_count);
  return bound;
}

}  // namespace

std::uint64_t sealed_frames_bytes(const Manifest& manifest) {
  return frames_bytes(manifest.frames_count) + manifest.files.size() * seal::overhead_bytes;
}

std::string seal_frames(const DataKey& data_key, const Place& place, const Manifest& manifest,
                        std::string_view index) {
  RESTORED_CHECK(index.size() == frames_bytes(manifest.frames_count), "the manifest's own index");
  std::string sealed = frame_index_header(sealed_format_version);
  sealed.resize(sealed_frames_bytes(manifest));
  seal::Box box(data_key.documents());
  std::size_t from = frame_index_header_bytes;
  std::size_t to = frame_index_header_bytes;
  for (std::size_t i = 0; i < manifest.files.size(); ++i) {
    const ManifestFile& file = manifest.files[i];
    const std::size_t bytes = frame_entry_bytes * file.frames_count;
    const auto into =
        std::as_writable_bytes(std::span(sealed)).subspan(to, bytes + seal::overhead_bytes);
    box.seal(bytes_of(slice_place(place, file, i)), bytes_of(index.substr(from, bytes)), into);
    from += bytes;
    to += into.size();
  }
  return sealed;
}

Result<std::string> open_frames(const DataKey& data_key, const Place& place,
                                const Manifest& manifest, std::string_view bytes) {
  if (bytes.size() != sealed_frames_bytes(manifest))
    return fail(ErrorCode::corruption,
                fmt::format("the frame index has {} bytes, the manifest says {}", bytes.size(),
                            sealed_frames_bytes(manifest)));
  if (!bytes.starts_with(frame_index_header(sealed_format_version)))
    return fail(ErrorCode::corruption, "the frame index is not one of an encrypted backup");
  std::string index = frame_index_header(format_version);
  index.resize(frames_bytes(manifest.frames_count));
  seal::Box box(data_key.documents());
  std::size_t from = frame_index_header_bytes;
  std::size_t to = frame_index_header_bytes;
  for (std::size_t i = 0; i < manifest.files.size(); ++i) {
    const ManifestFile& file = manifest.files[i];
    const std::size_t slice_bytes = frame_entry_bytes * file.frames_count;
    const auto slice = bytes_of(bytes.substr(from, slice_bytes + seal::overhead_bytes));
    const auto into = std::as_writable_bytes(std::span(index)).subspan(to, slice_bytes);
    if (!box.open(bytes_of(slice_place(place, file, i)), slice, into))
      return fail(ErrorCode::corruption,
                  fmt::format("frames of {}: they are not what was sealed with data key {} for {}: "
                              "damaged, or changed by somebody who does not have the key",
                              file.name, data_key.id(), place.key));
    from += slice.size();
    to += slice_bytes;
  }
  return index;
}

}  // namespace restored::format
