// The manifest and the frame index of a backup, and the small documents beside them. Pure: bytes
// in, structures out. Every decoder checks a hash over all bytes before it parses, and every
// length before it allocates. See FORMAT.md beside this file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/frame.h"
#include "format/kinds.h"
#include "restored/error.h"
#include "restored/ids.h"
#include "restored/units.h"

namespace restored::format {

// What identifies an SST file for ever, wherever it is copied: the engine's own names for it.
struct SstIdentity {
  std::string db_id;
  std::string db_session_id;
  std::uint64_t original_file_number = 0;
  std::uint64_t size_bytes = 0;
  friend auto operator<=>(const SstIdentity&, const SstIdentity&) = default;
};

// One SST file: where its content is, and everything that RocksDB wants back at import
// (LiveFileMetaData). Keys are raw bytes.
struct ManifestFile {
  std::string name;              // "000012.sst", unique in the backup
  std::uint64_t size_bytes = 0;  // of the content
  ContentId content;
  std::uint64_t stored_bytes = 0;  // of the object's frames, without the seek table
  std::uint64_t frames_begin = 0;  // index of its first frame in the frame index
  std::uint64_t frames_count = 0;
  std::string frames_hash;  // XXH3-128, hex, of its slice of the frame index

  SstIdentity identity;
  int level = 0;
  std::uint64_t smallest_sequence = 0;
  std::uint64_t largest_sequence = 0;
  std::string smallest_key;
  std::string largest_key;
  std::optional<std::string> smallest_internal_key;  // newer RocksDB only
  std::optional<std::string> largest_internal_key;
  std::optional<std::uint64_t> epoch_number;
  std::uint64_t entries = 0;  // of the file's properties, tombstones included
  std::uint64_t deletions = 0;
  std::uint64_t oldest_ancestor_time = 0;
  std::uint64_t file_creation_time = 0;
  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct Manifest {
  std::uint32_t version = format_version;
  std::string repository_id;
  std::string data_key;  // id of what all of the backup is sealed with; empty: it is not encrypted
  BackupId backup;
  DatabaseId database;
  std::string database_name;
  std::string name;        // given by the user, may be empty
  bool scheduled = false;  // made by the agent's schedule; what older agents wrote does not say so
  UnixMillis created_at = 0;
  std::string agent_version;
  std::string rocksdb_version;
  std::string comparator;
  std::uint32_t encoding_version = 0;  // record::encoding_version
  std::uint64_t frame_bytes = 0;
  std::uint64_t largest_sequence = 0;
  std::uint64_t uploaded_bytes = 0;  // what it added to the repository
  bool incremental = false;
  std::string frames_hash;  // XXH3-128, hex, of the whole frame index object
  std::uint64_t frames_count = 0;
  std::vector<ManifestFile> files;
  friend bool operator==(const Manifest&, const Manifest&) = default;
  std::uint64_t content_bytes() const;
  std::uint64_t stored_bytes() const;
  std::uint64_t entries() const;
};

// Fills in what follows from the frames, which stand in the order of manifest.files with their
// size_bytes set: frames_begin, frames_count, stored_bytes, content and frames_hash of each file,
// and frames_count and frames_hash of the whole. With a data key the contents do not follow: they
// are set already. REQUIRES: the frames fit the sizes (checked).
void index_frames(Manifest& manifest, std::span<const Frame> frames);

// REQUIRES: consistent, as decode_manifest demands it (checked). Text that is not UTF-8 is written
// with U+FFFD in place of the offending bytes; keys are binary and exact.
std::string encode_manifest(const Manifest& manifest);
// Errors: corruption (any byte differs, or not a manifest), unsupported_format (newer version;
// recognised before the rest is read), backup_not_usable (inconsistent lengths, duplicate or
// unsafe file names).
Result<Manifest> decode_manifest(std::string_view bytes);
// The same as JSON text without the envelope, indented, for people; keys in hexadecimal.
std::string manifest_json(const Manifest& manifest);

// The frame index of all files, in the manifest's order; sliceable per file.
std::string encode_frames(std::span<const Frame> frames);
std::uint64_t frames_bytes(std::uint64_t frames);  // of the index of so many frames
std::string frames_slice_hash(std::span<const Frame> frames);
// Checks the whole index against the manifest: object hash, each file's slice, lengths, and,
// without a data key, each file's content id recomputed from its frame hashes. Errors: corruption.
Result<std::vector<Frame>> decode_frames(const Manifest& manifest, std::string_view bytes);

// "<prefix>/databases/<database id>/<backup id>": enough to list a backup without its manifest.
struct Summary {
  std::uint32_t version = format_version;
  BackupId backup;
  DatabaseId database;
  std::string database_name;
  std::string name;
  UnixMillis created_at = 0;
  bool incremental = false;
  bool scheduled = false;
  std::uint64_t stored_bytes = 0;
  std::uint64_t content_bytes = 0;
  std::uint64_t uploaded_bytes = 0;
  std::uint64_t files = 0;
  std::uint64_t entries = 0;
  friend bool operator==(const Summary&, const Summary&) = default;
};
Summary summarize(const Manifest& manifest);
std::string encode_summary(const Summary& summary);
Result<Summary> decode_summary(std::string_view bytes);

// "<prefix>/repository.json"
struct RepositoryFile {
  std::uint32_t version = format_version;
  std::string repository_id;
  UnixMillis created_at = 0;
  friend bool operator==(const RepositoryFile&, const RepositoryFile&) = default;
};
std::string encode_repository(const RepositoryFile& file);
Result<RepositoryFile> decode_repository(std::string_view bytes);

// Whether an identifier may stand in a key: 1 to 128 of [A-Za-z0-9._-], the first not a dot.
bool valid_id(std::string_view id);

// Keys below the repository's prefix; more in contents.h. REQUIRES: valid ids (checked).
inline constexpr std::string_view repository_key = "repository.json";
std::string manifest_key(const BackupId& backup);  // "backups/<id>/manifest"
std::string frames_key(const BackupId& backup);    // "backups/<id>/frames"
std::string summary_key(const DatabaseId& database, const BackupId& backup);
std::string summary_prefix(const DatabaseId& database);  // "databases/<id>/"

}  // namespace restored::format
