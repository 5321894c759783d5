#include "backup/repository.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "backup/collection.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string name_of(const BackupId& backup) {
  return format::valid_id(backup.value) ? "backup " + backup.value : "that backup";
}

bool damaged(const Error& error) {
  return error.code == ErrorCode::corruption || error.code == ErrorCode::unsupported_format;
}

Result<format::Summary> read_summary(ObjectStore& store, const std::string& key,
                                     const std::stop_token& stop) {
  RESTORED_TRY(const std::string bytes, store.get(key, limits::small_object_bytes_max, stop));
  RESTORED_TRY(format::Summary summary, format::decode_summary(bytes));
  if (key != format::summary_key(summary.database, summary.backup))
    return fail(ErrorCode::corruption, "it is the summary of backup " + summary.backup.value);
  return summary;
}

// Damage and newer formats make a backup unusable; what else a store says stays what it is.
std::unexpected<Error> unusable(const BackupId& backup, Error error) {
  if (damaged(error) || error.code == ErrorCode::object_not_found) {
    if (error.code == ErrorCode::unsupported_format && error.hint.empty())
      error.hint = error.hint_text();
    error.code = ErrorCode::backup_not_usable;
  }
  return std::unexpected(context(name_of(backup), std::move(error)));
}

Result<bool> exists(ObjectStore& store, const std::string& key, const std::stop_token& stop) {
  const auto info = store.stat(key, stop);
  if (info) return true;
  if (info.error().code == ErrorCode::object_not_found) return false;
  return std::unexpected(info.error());
}

std::unexpected<Error> not_found(const BackupId& backup) {
  return fail(ErrorCode::backup_not_found,
              format::valid_id(backup.value)
                  ? fmt::format("there is no backup {} in the repository", backup.value)
                  : "there is no such backup in the repository");
}

Result<format::RepositoryFile> create(ObjectStore& store, const std::stop_token& stop) {
  bool backups = false;
  const auto visit = [&](const ObjectInfo& info) {
    backups = info.key.ends_with("/manifest");
    return !backups;
  };
  RESTORED_TRY(store.list("backups/", visit, stop));
  if (backups)
    return fail(ErrorCode::corruption,
                fmt::format("{} holds backups but no {}", store.url(), format::repository_key));
  const format::RepositoryFile file{format::format_version, random_id(), system_clock().wall()};
  RESTORED_TRY(store.put(format::repository_key, bytes_of(format::encode_repository(file)), stop));
  // Another host may have done the same a moment later: what stands there now is the truth.
  RESTORED_TRY(const std::string written,
               store.get(format::repository_key, limits::small_object_bytes_max, stop));
  return format::decode_repository(written);
}

}  // namespace

Result<std::unique_ptr<Repository>> Repository::open(ObjectStore& store, std::stop_token stop,
                                                     IfEmpty if_empty) {
  const auto bytes = store.get(format::repository_key, limits::small_object_bytes_max, stop);
  if (!bytes && (bytes.error().code != ErrorCode::object_not_found || if_empty == IfEmpty::refuse))
    return std::unexpected(bytes.error());
  auto file = bytes ? format::decode_repository(*bytes) : create(store, stop);
  if (!file) return std::unexpected(context("repository " + store.url(), std::move(file).error()));
  return std::unique_ptr<Repository>(new Repository(store, std::move(file->repository_id)));
}

Result<format::Manifest> Repository::manifest(const BackupId& backup, std::stop_token stop) const {
  if (!format::valid_id(backup.value)) return not_found(backup);
  auto bytes = store_.get(format::manifest_key(backup), limits::manifest_bytes_max, stop);
  if (!bytes && bytes.error().code == ErrorCode::object_not_found) return not_found(backup);
  if (!bytes) return unusable(backup, std::move(bytes).error());
  auto manifest = format::decode_manifest(*bytes);
  if (!manifest) return unusable(backup, std::move(manifest).error());
  if (manifest->backup != backup)
    return unusable(
        backup, {ErrorCode::corruption, "its manifest is that of " + manifest->backup.value, {}});
  return manifest;
}

Result<LoadedBackup> Repository::load(const BackupId& backup, std::stop_token stop) const {
  LoadedBackup loaded;
  RESTORED_TRY(loaded.manifest, manifest(backup, stop));
  const auto bytes = store_.get(format::frames_key(backup),
                                format::frames_bytes(loaded.manifest.frames_count), stop);
  if (!bytes) return unusable(backup, bytes.error());
  auto frames = format::decode_frames(loaded.manifest, *bytes);
  if (!frames) return unusable(backup, std::move(frames).error());
  loaded.frames = std::move(*frames);
  return loaded;
}

Result<void> Repository::publish(const format::Manifest& manifest,
                                 std::span<const format::Frame> frames, std::stop_token stop) {
  const std::string document = format::encode_manifest(manifest);
  const std::string index = format::encode_frames(frames);
  // A backup that could not be restored is found out now, while the data is still there.
  if (const auto back = format::decode_manifest(document); !back)
    return fail(ErrorCode::internal, "the manifest does not read back: " + back.error().message);
  if (const auto back = format::decode_frames(manifest, index); !back)
    return fail(ErrorCode::internal, "the frames do not read back: " + back.error().message);

  const std::string manifest_key = format::manifest_key(manifest.backup);
  const std::string frames_key = format::frames_key(manifest.backup);
  const std::string summary_key = format::summary_key(manifest.database, manifest.backup);
  RESTORED_TRY(const bool taken, exists(store_, manifest_key, stop));
  if (taken)
    return fail(ErrorCode::object_exists, name_of(manifest.backup) + " is in the repository");
  auto written = store_.put(frames_key, bytes_of(index), stop);
  if (written)
    written = store_.put(summary_key, bytes_of(format::encode_summary(summarize(manifest))), stop);
  if (written) written = store_.put(manifest_key, bytes_of(document), stop);
  if (written) return {};
  // The manifest may stand there although its write failed, so it goes first; and a stop that
  // ended the writing must not end this.
  for (const std::string* key : {&manifest_key, &summary_key, &frames_key}) {
    const auto removed = store_.remove(*key, {});
    if (!removed) {
      log::warning("backup", "{} stays: {}", *key, removed.error().message);
      break;
    }
  }
  return written;
}

Result<std::vector<format::Summary>> Repository::list(const DatabaseId& database,
                                                      std::stop_token stop) const {
  std::vector<format::Summary> summaries;
  if (!format::valid_id(database.value)) return summaries;
  std::vector<std::string> keys;
  const auto visit = [&](const ObjectInfo& info) {
    keys.push_back(info.key);
    return true;
  };
  RESTORED_TRY(store_.list(format::summary_prefix(database), visit, stop));
  for (const std::string& key : keys) {
    auto summary = read_summary(store_, key, stop);
    if (!summary && summary.error().code == ErrorCode::object_not_found) continue;  // just removed
    if (!summary && !damaged(summary.error())) return std::unexpected(summary.error());
    if (!summary) {
      log::warning("backup", "{} is not listed: {}", key, summary.error().message);
      continue;
    }
    RESTORED_TRY(const bool there, exists(store_, format::manifest_key(summary->backup), stop));
    if (there) summaries.push_back(std::move(*summary));
  }
  std::ranges::sort(summaries, [](const format::Summary& a, const format::Summary& b) {
    return std::tie(a.created_at, a.backup) > std::tie(b.created_at, b.backup);
  });
  return summaries;
}

Result<void> Repository::remove(const BackupId& backup, std::stop_token stop) {
  if (!format::valid_id(backup.value)) return not_found(backup);
  Leftovers leftovers{backup, {}};
  // A backup that cannot be read can be removed. Its objects are then old orphans one day.
  if (const auto read = manifest(backup, stop)) {
    for (const format::ManifestFile& file : read->files) leftovers.contents.insert(file.content);
  } else if (read.error().code != ErrorCode::backup_not_usable) {
    return std::unexpected(read.error());
  }
  RESTORED_TRY(store_.remove(format::manifest_key(backup), stop));
  if (const auto collected = collect(*this, leftovers, stop); !collected)
    log::warning("backup", "what {} leaves stays until the next removal: {}", backup.value,
                 collected.error().message);
  return {};
}

}  // namespace restored::backup
