#include "restore/source_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "backup/documents.h"
#include "backup/parallel.h"
#include "base/utf8.h"
#include "pipeline/stored_lengths.h"
#include "restored/limits.h"
#include "restored/record.h"

namespace restored::restore {
namespace {

constexpr std::size_t shown_bytes_max = 128;  // of what a manifest says

// RocksDB's own name for the order of bytes, which is the only one that the data plane knows.
constexpr std::string_view byte_order = "leveldb.BytewiseComparator";

Error source_unknown(const DatabaseId& source) {
  return {ErrorCode::source_database_not_found,
          fmt::format("database {} does not exist", source.value),
          {}};
}

// The repository has no such backup. It may be one that is still being made, or that failed.
Error explain_missing(const EngineParts& parts, const DatabaseId& source, const BackupId& backup,
                      Error missing) {
  if (const OperationTable::Pointer maker = parts.operations->backup_operation(backup)) {
    const OperationView view = maker->view();
    const bool asked_for = source.empty() || view.database == source;
    if (asked_for && view.state != OperationState::succeeded) {
      return {ErrorCode::backup_not_usable,
              fmt::format("backup {} is not complete: operation {}, which makes it, is {}",
                          backup.value, view.id.value, name(view.state)),
              {}};
    }
  }
  if (!source.empty() && !parts.registry->database(source)) return source_unknown(source);
  return missing;
}

}  // namespace

Result<backup::LoadedBackup> load_source(const EngineParts& parts,
                                         const DatabaseId& source_database, const BackupId& backup,
                                         const StoreCall& call) {
  RESTORED_TRY(const backup::Repository* repository, parts.repository->get(call));
  Result<backup::LoadedBackup> loaded = repository->load(backup, call);
  if (!loaded) {
    if (loaded.error().code != ErrorCode::backup_not_found) {
      return std::unexpected(std::move(loaded).error());
    }
    return std::unexpected(
        explain_missing(parts, source_database, backup, std::move(loaded).error()));
  }
  const DatabaseId& owner = loaded->manifest.database;
  // Repositories outlive databases and are shared by hosts: what the backup says it is of is known.
  if (!source_database.empty() && source_database != owner) {
    if (!parts.registry->database(source_database)) {
      return std::unexpected(source_unknown(source_database));
    }
    return fail(ErrorCode::backup_not_found,
                fmt::format("database {} has no backup {}", source_database.value, backup.value));
  }
  RESTORED_TRY(check_usable(loaded->manifest));
  return loaded;
}

Result<void> check_usable(const format::Manifest& manifest) {
  const std::string& id = manifest.backup.value;
  if (manifest.encoding_version > record::encoding_version) {
    return fail(ErrorCode::backup_not_usable,
                fmt::format("backup {} has encoding version {}, this agent reads up to {}", id,
                            manifest.encoding_version, record::encoding_version),
                "Restore it with a newer agent.");
  }
  if (manifest.comparator != byte_order) {
    return fail(ErrorCode::backup_not_usable,
                fmt::format("backup {} orders its keys by \"{}\", this agent by \"{}\"", id,
                            printable(manifest.comparator, shown_bytes_max), byte_order));
  }
  if (manifest.frame_bytes != limits::frame_bytes) {
    return fail(ErrorCode::backup_not_usable,
                fmt::format("backup {} has frames of {} bytes, this agent reads {}", id,
                            manifest.frame_bytes, limits::frame_bytes));
  }
  return {};
}

Result<bool> adopt_lengths(ObjectStore& store, pipeline::Progress& progress,
                           backup::LoadedBackup& backup, const StoreCall& call) {
  std::vector<format::Frame> frames = backup.frames;
  const auto adopt = [&](std::size_t index, const StoreCall& own) -> Result<void> {
    const format::ManifestFile& file = backup.manifest.files[index];
    const auto adopted = pipeline::adopt_lengths(
        store, progress, format::object_key(file.content), backup.seal(file),
        std::span(frames).subspan(file.frames_begin, file.frames_count), own);
    if (adopted || adopted.error().code == ErrorCode::corruption) return {};
    return std::unexpected(adopted.error());
  };
  RESTORED_TRY(backup::for_each_index(store, backup.manifest.files.size(), call, adopt));
  if (frames == backup.frames) return false;
  std::ranges::copy(frames, backup.frames.begin());  // in their place: others hold spans of them
  return true;
}

Error explain_lost(const EngineParts& parts, const BackupId& backup, Error error,
                   const StoreCall& call) {
  if (error.code != ErrorCode::object_not_found) return error;
  const Result<bool> there =
      backup::object_exists(*parts.store, format::manifest_key(backup), call);
  if (!there || *there) return error;
  return {ErrorCode::backup_not_found,
          fmt::format("backup {} was removed while it was read", backup.value),
          {}};
}

}  // namespace restored::restore
