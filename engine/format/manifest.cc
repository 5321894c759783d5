// The manifest's codec: an envelope (document.h) around one JSON object. See FORMAT.md.
#include "format/manifest.h"

#include <fmt/core.h>

#include <boost/json/serialize.hpp>
#include <initializer_list>
#include <unordered_set>

#include "base/check.h"
#include "base/hex.h"
#include "format/data_key.h"
#include "format/document.h"
#include "format/fields.h"
#include "format/pretty.h"
#include "format/utf8.h"
#include "restored/limits.h"

namespace restored::format {
namespace {

namespace json = boost::json;

constexpr std::string_view kind = manifest_kind;
// Far beyond any file or backup; keeps every sum of lengths below 2^64.
constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 48;
// RocksDB goes to 2^56 - 1 and asserts; what takes a backup in must have room for later writes.
constexpr std::uint64_t sequence_max = std::uint64_t{1} << 55;
constexpr int level_max = 63;
constexpr std::size_t shown_bytes_max = 128;  // of a name that cannot be one

json::object file_object(const ManifestFile& file, const json::storage_ptr& storage) {
  json::object object(storage);
  object["name"] = file.name;
  object["size_bytes"] = file.size_bytes;
  object["content_id"] = file.content.hex();
  object["stored_bytes"] = file.stored_bytes;
  object["frames_begin"] = file.frames_begin;
  object["frames_count"] = file.frames_count;
  object["frames_xxh3_128"] = file.frames_hash;
  object["db_id"] = to_utf8(file.identity.db_id);
  object["db_session_id"] = to_utf8(file.identity.db_session_id);
  object["original_file_number"] = file.identity.original_file_number;
  object["level"] = file.level;
  object["smallest_sequence"] = file.smallest_sequence;
  object["largest_sequence"] = file.largest_sequence;
  object["smallest_key"] = to_hex(file.smallest_key);
  object["largest_key"] = to_hex(file.largest_key);
  if (file.smallest_internal_key)
    object["smallest_internal_key"] = to_hex(*file.smallest_internal_key);
  if (file.largest_internal_key)
    object["largest_internal_key"] = to_hex(*file.largest_internal_key);
  if (file.epoch_number) object["epoch_number"] = *file.epoch_number;
  object["entries"] = file.entries;
  object["deletions"] = file.deletions;
  object["oldest_ancestor_time"] = file.oldest_ancestor_time;
  object["file_creation_time"] = file.file_creation_time;
  return object;
}

json::object manifest_object(const Manifest& manifest, const json::storage_ptr& storage) {
  json::object object(storage);
  object["repository_id"] = manifest.repository_id;
  if (!manifest.data_key.empty()) object["data_key"] = manifest.data_key;
  object["backup_id"] = manifest.backup.value;
  object["database_id"] = manifest.database.value;
  object["database_name"] = to_utf8(manifest.database_name);
  object["name"] = to_utf8(manifest.name);
  if (manifest.scheduled) object["scheduled"] = true;
  object["created_at_unix_millis"] = manifest.created_at;
  object["agent_version"] = to_utf8(manifest.agent_version);
  object["rocksdb_version"] = to_utf8(manifest.rocksdb_version);
  object["comparator"] = to_utf8(manifest.comparator);
  object["encoding_version"] = manifest.encoding_version;
  object["frame_bytes"] = manifest.frame_bytes;
  object["largest_sequence"] = manifest.largest_sequence;
  object["uploaded_bytes"] = manifest.uploaded_bytes;
  object["incremental"] = manifest.incremental;
  object["frames_count"] = manifest.frames_count;
  object["frames_xxh3_128"] = manifest.frames_hash;
  json::array& files = object["files"].emplace_array();
  files.reserve(manifest.files.size());
  for (const ManifestFile& file : manifest.files) files.emplace_back(file_object(file, storage));
  return object;
}

Result<ManifestFile> read_file(const json::value& value, std::size_t index) {
  const std::string where = fmt::format("file {}", index);
  const json::object* object = value.if_object();
  if (object == nullptr) return fail(ErrorCode::corruption, where + " is not an object");
  Fields fields(*object, where);
  ManifestFile file;
  std::string content;
  fields.read("name", file.name);
  fields.read("size_bytes", file.size_bytes);
  fields.read("content_id", content);
  fields.read("stored_bytes", file.stored_bytes);
  fields.read("frames_begin", file.frames_begin);
  fields.read("frames_count", file.frames_count);
  fields.read("frames_xxh3_128", file.frames_hash);
  fields.read("db_id", file.identity.db_id);
  fields.read("db_session_id", file.identity.db_session_id);
  fields.read("original_file_number", file.identity.original_file_number);
  fields.read("level", file.level);
  fields.read("smallest_sequence", file.smallest_sequence);
  fields.read("largest_sequence", file.largest_sequence);
  fields.read_hex("smallest_key", file.smallest_key);
  fields.read_hex("largest_key", file.largest_key);
  fields.read_optional_hex("smallest_internal_key", file.smallest_internal_key);
  fields.read_optional_hex("largest_internal_key", file.largest_internal_key);
  fields.read_optional("epoch_number", file.epoch_number);
  fields.read("entries", file.entries);
  fields.read("deletions", file.deletions);
  fields.read("oldest_ancestor_time", file.oldest_ancestor_time);
  fields.read("file_creation_time", file.file_creation_time);
  RESTORED_TRY(fields.done());
  file.identity.size_bytes = file.size_bytes;
  RESTORED_TRY(file.content, content_id_from_hex(content));
  return file;
}

// "000012.sst" and nothing else: the name becomes a path in the staging directory.
bool sst_name(std::string_view name) {
  constexpr std::string_view suffix = ".sst";
  if (!name.ends_with(suffix)) return false;
  const std::string_view digits = name.substr(0, name.size() - suffix.size());
  return digits.size() >= 6 && digits.size() <= 20 &&
         digits.find_first_not_of("0123456789") == std::string_view::npos;
}

bool hash_text(std::string_view hash) {
  return hash.size() == 32 && hash.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::unexpected<Error> unusable(std::string_view what) {
  return fail(ErrorCode::backup_not_usable, fmt::format("the manifest is inconsistent: {}", what));
}

Result<void> check_file(const ManifestFile& file, std::uint64_t frames_begin) {
  if (file.size_bytes > file_bytes_max || file.frames_count != frames_of(file.size_bytes) ||
      file.frames_begin != frames_begin)
    return unusable(fmt::format("{} with {} bytes has frames [{}, +{})", file.name, file.size_bytes,
                                file.frames_begin, file.frames_count));
  if (file.identity.size_bytes != file.size_bytes) return unusable(file.name + " has two sizes");
  if (file.stored_bytes > file.frames_count * limits::frame_stored_bytes_max)
    return unusable(fmt::format("{} has {} stored bytes in {} frames", file.name, file.stored_bytes,
                                file.frames_count));
  if (!hash_text(file.frames_hash)) return unusable(file.name + " has no hash of its frames");
  if (file.level < 0 || file.level > level_max)
    return unusable(fmt::format("{} has level {}", file.name, file.level));
  if (file.deletions > file.entries)
    return unusable(file.name + " has more deletions than entries");
  if (file.smallest_sequence > file.largest_sequence || file.largest_sequence > sequence_max)
    return unusable(fmt::format("{} has sequence numbers {} to {}", file.name,
                                file.smallest_sequence, file.largest_sequence));
  return {};
}

// What both sides hold a manifest to: the reader answers, the writer asserts.
Result<void> check_consistent(const Manifest& manifest) {
  for (const std::string* id :
       {&manifest.repository_id, &manifest.backup.value, &manifest.database.value})
    if (!valid_id(*id)) return unusable('"' + printable(*id, shown_bytes_max) + "\" is not an id");
  if (manifest.frame_bytes != limits::frame_bytes)
    return fail(ErrorCode::unsupported_format,
                fmt::format("the backup has frames of {} bytes, this agent reads {}",
                            manifest.frame_bytes, limits::frame_bytes));
  if (!hash_text(manifest.frames_hash)) return unusable("no hash of the frame index");
  if (!manifest.data_key.empty() && !valid_key_id(manifest.data_key))
    return unusable("its data key has no id");
  std::unordered_set<std::string_view> names;
  std::uint64_t frames = 0;
  std::uint64_t content_bytes = 0;
  std::uint64_t largest_sequence = 0;
  for (const ManifestFile& file : manifest.files) {
    if (!sst_name(file.name))
      return unusable("file name \"" + printable(file.name, shown_bytes_max) + '"');
    if (!names.insert(file.name).second) return unusable(file.name + " appears twice");
    RESTORED_TRY(check_file(file, frames));
    frames += file.frames_count;
    content_bytes += file.size_bytes;
    largest_sequence = std::max(largest_sequence, file.largest_sequence);
    if (content_bytes > file_bytes_max) return unusable("its files have more than 2^48 bytes");
  }
  if (frames != manifest.frames_count)
    return unusable(
        fmt::format("the files have {} frames, the index {}", frames, manifest.frames_count));
  if (largest_sequence != manifest.largest_sequence)
    return unusable(fmt::format("the files have sequence numbers to {}, the backup to {}",
                                largest_sequence, manifest.largest_sequence));
  return {};
}

template <class Member>
std::uint64_t sum(const std::vector<ManifestFile>& files, Member member) {
  std::uint64_t total = 0;
  for (const ManifestFile& file : files) total += file.*member;
  return total;
}

}  // namespace

std::uint64_t Manifest::content_bytes() const {
  return sum(files, &ManifestFile::size_bytes);
}
std::uint64_t Manifest::stored_bytes() const {
  return sum(files, &ManifestFile::stored_bytes);
}
std::uint64_t Manifest::entries() const {
  return sum(files, &ManifestFile::entries);
}

std::string encode_manifest(const Manifest& manifest) {
  RESTORED_CHECK(manifest.version == format_version, "we write one version");
  RESTORED_CHECK(check_consistent(manifest), "a manifest that we could not read back");
  json::monotonic_resource arena;
  return seal(kind, json::serialize(manifest_object(manifest, &arena)) + '\n');
}

Result<Manifest> decode_manifest(std::string_view bytes) {
  RESTORED_TRY(const std::string_view body, unseal(kind, bytes, limits::manifest_bytes_max));
  RESTORED_TRY(const JsonDocument document, JsonDocument::parse(body));
  Fields fields(document.top(), std::string(kind));
  Manifest manifest;
  fields.read("repository_id", manifest.repository_id);
  fields.read_optional("data_key", manifest.data_key);
  fields.read_optional("scheduled", manifest.scheduled);
  fields.read("backup_id", manifest.backup.value);
  fields.read("database_id", manifest.database.value);
  fields.read("database_name", manifest.database_name);
  fields.read("name", manifest.name);
  fields.read("created_at_unix_millis", manifest.created_at);
  fields.read("agent_version", manifest.agent_version);
  fields.read("rocksdb_version", manifest.rocksdb_version);
  fields.read("comparator", manifest.comparator);
  fields.read("encoding_version", manifest.encoding_version);
  fields.read("frame_bytes", manifest.frame_bytes);
  fields.read("largest_sequence", manifest.largest_sequence);
  fields.read("uploaded_bytes", manifest.uploaded_bytes);
  fields.read("incremental", manifest.incremental);
  fields.read("frames_count", manifest.frames_count);
  fields.read("frames_xxh3_128", manifest.frames_hash);
  const json::array* files = fields.array("files");
  RESTORED_TRY(fields.done());
  manifest.files.reserve(files->size());
  for (const json::value& value : *files) {
    RESTORED_TRY(ManifestFile file, read_file(value, manifest.files.size()));
    manifest.files.push_back(std::move(file));
  }
  RESTORED_TRY(check_consistent(manifest));
  return manifest;
}

std::string manifest_json(const Manifest& manifest) {
  json::monotonic_resource arena;
  return pretty(manifest_object(manifest, &arena));
}

}  // namespace restored::format
