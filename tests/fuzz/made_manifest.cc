#include "made_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "format/utf8.h"
#include "restored/limits.h"

namespace restored::fuzz {
namespace {

std::string name_from(Choices& choices) {
  return format::to_utf8(choices.take(choices.below(20)));
}

format::ManifestFile file_from(Choices& choices, std::size_t index) {
  format::ManifestFile file;
  file.name = fmt::format("{:06}.sst", index * 7);
  file.size_bytes = choices.number(3) % (3 * limits::frame_bytes);
  file.identity = {name_from(choices), name_from(choices), choices.number(8), file.size_bytes};
  file.level = static_cast<int>(choices.below(64));
  const std::uint64_t one = choices.number(6);
  const std::uint64_t other = choices.number(6);
  file.smallest_sequence = std::min(one, other);
  file.largest_sequence = std::max(one, other);
  file.smallest_key = choices.take(choices.below(12));
  file.largest_key = choices.take(choices.below(12));
  if (choices.flag()) file.smallest_internal_key = choices.take(choices.below(12));
  if (choices.flag()) file.largest_internal_key = choices.take(choices.below(12));
  if (choices.flag()) file.epoch_number = choices.number(8);
  file.entries = choices.number(8);
  file.deletions = std::min(file.entries, choices.number(4));
  file.oldest_ancestor_time = choices.number(8);
  file.file_creation_time = choices.number(8);
  return file;
}

void append_frames(Choices& choices, std::uint64_t file_bytes, std::vector<format::Frame>& into) {
  while (file_bytes > 0) {
    format::Frame frame;
    frame.content_bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(file_bytes, limits::frame_bytes));
    frame.stored_bytes =
        static_cast<std::uint32_t>(1 + choices.number(3) % limits::frame_stored_bytes_max);
    frame.hash = choices.number(8);
    file_bytes -= frame.content_bytes;
    into.push_back(frame);
  }
}

}  // namespace

MadeBackup made_backup(Choices& choices) {
  MadeBackup made;
  format::Manifest& manifest = made.manifest;
  manifest.repository_id = "r0123456789";
  manifest.backup = BackupId("b0123456789");
  manifest.database = DatabaseId("abcdefghijklmnopqrstuvwx");
  manifest.database_name = name_from(choices);
  manifest.name = name_from(choices);
  manifest.created_at = static_cast<UnixMillis>(choices.number(7));
  manifest.agent_version = name_from(choices);
  manifest.rocksdb_version = name_from(choices);
  manifest.comparator = name_from(choices);
  manifest.encoding_version = static_cast<std::uint32_t>(choices.number(4));
  manifest.frame_bytes = limits::frame_bytes;
  manifest.uploaded_bytes = choices.number(8);
  manifest.incremental = choices.flag();
  const std::size_t files = choices.below(5);
  for (std::size_t i = 0; i < files; ++i) {
    manifest.files.push_back(file_from(choices, i));
    append_frames(choices, manifest.files.back().size_bytes, made.frames);
    manifest.largest_sequence =
        std::max(manifest.largest_sequence, manifest.files.back().largest_sequence);
  }
  format::index_frames(manifest, made.frames);
  return made;
}

}  // namespace restored::fuzz
