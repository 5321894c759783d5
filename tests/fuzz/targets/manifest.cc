// The manifest: any bytes, then any body behind a first line that fits it, then a manifest made of
// the input's own numbers, which has to come back as it was and with any byte changed not at all.
#include <fmt/format.h>

#include <string>

#include "choices.h"
#include "format/document.h"
#include "format/manifest.h"
#include "made_manifest.h"
#include "restored/limits.h"
#include "target.h"

namespace restored::fuzz {
namespace {

void check(const Result<format::Manifest>& read) {
  if (!read) return require_sound(read.error());
  std::uint64_t frames = 0;
  for (const format::ManifestFile& file : read->files) {
    require(file.frames_begin == frames, "frames stand one after the other");
    require(file.frames_count == format::frames_of(file.size_bytes), "a file has its frames");
    require(file.name.find('/') == std::string::npos && !file.name.starts_with('.'),
            "a file's name is no path");
    frames += file.frames_count;
  }
  require(read->frames_count == frames, "the index has the frames of all files");
  require(format::valid_id(read->backup.value) && format::valid_id(read->database.value) &&
              format::valid_id(read->repository_id),
          "ids are ids");
  require(is_utf8(read->name) && is_utf8(read->database_name), "names are UTF-8");
  const std::string written = format::encode_manifest(*read);
  const Result<format::Manifest> again = format::decode_manifest(written);
  require(again && *again == *read, "a manifest that is written again is the same");
  require(is_utf8(format::manifest_json(*read)), "what people see is UTF-8");
}

void check_made(Choices& choices) {
  const format::Manifest made = made_backup(choices).manifest;
  std::string bytes = format::encode_manifest(made);
  const Result<format::Manifest> read = format::decode_manifest(bytes);
  require(read && *read == made, "a manifest comes back as it was");
  const std::size_t at = choices.number(4) % bytes.size();
  const auto change = static_cast<char>(1 + choices.below(255));
  bytes[at] = static_cast<char>(bytes[at] ^ change);
  require(!format::decode_manifest(bytes), "a changed byte is noticed");
  bytes[at] = static_cast<char>(bytes[at] ^ change);
  bytes.resize(at);
  require(!format::decode_manifest(bytes), "a manifest that is cut short is noticed");
}

void run(std::string_view input) {
  Choices choices(input);
  switch (choices.byte() % 3) {
    case 0:
      return check(format::decode_manifest(choices.rest()));
    case 1:
      return check(format::decode_manifest(format::seal("manifest", choices.rest())));
    default:
      return check_made(choices);
  }
}

const Registration registration({"manifest", 32 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
