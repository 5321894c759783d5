// The frame index against its manifest: changed bytes are noticed by the hashes, and behind hashes
// that were made to fit, what is read is within the limits and writes the same bytes again.
#include <cstring>
#include <string>

#include "choices.h"
#include "format/hash.h"
#include "format/manifest.h"
#include "made_manifest.h"
#include "restored/limits.h"
#include "target.h"

namespace restored::fuzz {
namespace {

constexpr std::size_t header_bytes = 16;
constexpr std::size_t entry_bytes = 12;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// What somebody would write who can compute hashes: all of them fit the changed index, but for the
// content ids, which follow from the frames' own.
void fit_hashes(format::Manifest& manifest, std::string_view index) {
  manifest.frames_hash = format::hash128_hex(bytes_of(index));
  for (format::ManifestFile& file : manifest.files) {
    const std::string_view slice = index.substr(header_bytes + entry_bytes * file.frames_begin,
                                                entry_bytes * file.frames_count);
    file.frames_hash = format::hash128_hex(bytes_of(slice));
    std::vector<format::Frame> frames(file.frames_count);
    file.stored_bytes = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      std::uint32_t stored = 0;
      std::memcpy(&stored, slice.data() + entry_bytes * i, sizeof stored);
      std::memcpy(&frames[i].hash, slice.data() + entry_bytes * i + 4, sizeof frames[i].hash);
      file.stored_bytes += stored;
    }
    file.content = format::content_id(file.size_bytes, frames);
  }
}

void run(std::string_view input) {
  Choices choices(input);
  MadeBackup made = made_backup(choices);
  std::string index = format::encode_frames(made.frames);
  const auto read = format::decode_frames(made.manifest, index);
  require(read && *read == made.frames, "an index comes back as it was");

  const std::string before = index;
  for (unsigned changes = 0; changes < 4 && !choices.empty(); ++changes) {
    const std::size_t at = choices.number(3) % index.size();
    index[at] = static_cast<char>(index[at] ^ static_cast<char>(choices.byte()));
  }
  const auto changed = format::decode_frames(made.manifest, index);
  require(changed.has_value() == (index == before), "a changed byte is noticed");
  if (!changed) require_sound(changed.error());
  const auto cut = format::decode_frames(made.manifest, std::string_view(index).substr(1));
  require(!cut, "an index that is cut short is noticed");

  fit_hashes(made.manifest, index);
  const auto fitting = format::decode_frames(made.manifest, index);
  if (!fitting) return require_sound(fitting.error());
  require(format::encode_frames(*fitting) == index, "an index that is written again is the same");
  for (const format::Frame& frame : *fitting) {
    require(frame.stored_bytes > 0 && frame.stored_bytes <= limits::frame_stored_bytes_max &&
                frame.content_bytes > 0 && frame.content_bytes <= limits::frame_bytes,
            "a frame has possible lengths");
  }
}

const Registration registration({"frame_index", 2048, run});

}  // namespace
}  // namespace restored::fuzz
