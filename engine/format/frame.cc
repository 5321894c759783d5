#include "format/frame.h"

#include "base/hex.h"
#include "base/utf8.h"
#include "format/hash.h"
#include "format/little_endian.h"
#include "restored/limits.h"

namespace restored::format {

std::uint64_t frames_of(std::uint64_t file_bytes) {
  return file_bytes / limits::frame_bytes + (file_bytes % limits::frame_bytes != 0 ? 1 : 0);
}

std::uint64_t frame_hash(std::span<const std::byte> content, std::uint64_t position) {
  return hash64(content, position);
}

std::string ContentId::hex() const {
  return to_hex(bytes);
}

ContentId content_id(std::uint64_t file_bytes, std::span<const Frame> frames) {
  std::string preimage;
  preimage.reserve((2 + frames.size()) * sizeof(std::uint64_t));
  append_little_endian(preimage, limits::frame_bytes);
  append_little_endian(preimage, file_bytes);
  for (const Frame& frame : frames) append_little_endian(preimage, frame.hash);
  return ContentId{hash128(std::as_bytes(std::span(preimage)))};
}

Result<ContentId> content_id_from_hex(std::string_view hex) {
  ContentId id;
  const auto raw = from_hex(hex);
  if (!raw || raw->size() != id.bytes.size())
    return fail(ErrorCode::corruption,
                "a content id is 32 hexadecimal digits, not \"" + printable(hex, 64) + '"');
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::byte>((*raw)[i]);
  return id;
}

std::string object_key(const ContentId& id) {
  const std::string hex = id.hex();
  return "objects/" + hex.substr(0, 2) + '/' + hex;
}

}  // namespace restored::format
