#include "backup/repository.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <tuple>

#include "backup/delayed_stop.h"
#include "backup/documents.h"
#include "backup/parallel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

// How long a stopped call still tidies up.
constexpr std::chrono::milliseconds tidy_time(500);

std::string name_of(const BackupId& backup) {
  return format::valid_id(backup.value) ? "backup " + backup.value : "that backup";
}

bool damaged_document(const Error& error) {
  return error.code == ErrorCode::corruption || error.code == ErrorCode::unsupported_format;
}

Result<format::Summary> read_summary(ObjectStore& store, const std::string& key,
                                     const StoreCall& call) {
  RESTORED_TRY(format::Summary summary, read_document(store, key, limits::small_object_bytes_max,
                                                      call, format::decode_summary));
  if (key != format::summary_key(summary.database, summary.backup))
    return fail(ErrorCode::corruption, "it is the summary of backup " + summary.backup.value);
  return summary;
}

// Damage and newer formats make a backup unusable; what else a store says stays what it is.
std::unexpected<Error> unusable(const BackupId& backup, Error error) {
  if (damaged_document(error) || error.code == ErrorCode::object_not_found) {
    if (error.code == ErrorCode::unsupported_format && error.hint.empty())
      error.hint = error.hint_text();
    error.code = ErrorCode::backup_not_usable;
  }
  return std::unexpected(context(name_of(backup), std::move(error)));
}

std::unexpected<Error> not_found(const BackupId& backup) {
  return fail(ErrorCode::backup_not_found,
              format::valid_id(backup.value)
                  ? fmt::format("there is no backup {} in the repository", backup.value)
                  : "there is no such backup in the repository");
}

// In this order, and for a moment after the call was stopped.
Result<void> remove_all(ObjectStore& store, const std::vector<std::string>& keys,
                        const StoreCall& call) {
  const DelayedStop soon(call.stop, tidy_time);
  StoreCall tidy = call;
  tidy.stop = soon.token();
  for (const std::string& key : keys) RESTORED_TRY(store.remove(key, tidy));
  return {};
}

Result<format::RepositoryFile> create(ObjectStore& store, const StoreCall& call) {
  bool backups = false;
  const auto visit = [&](const ObjectInfo& info) {
    backups = info.key.ends_with("/manifest");
    return !backups;
  };
  RESTORED_TRY(store.list("backups/", visit, call));
  if (backups)
    return fail(ErrorCode::corruption,
                fmt::format("{} holds backups but no {}", store.url(), format::repository_key));
  const format::RepositoryFile file{format::format_version, random_id(), system_clock().wall()};
  RESTORED_TRY(store.put(format::repository_key, bytes_of(format::encode_repository(file)), call));
  // Another host may have done the same a moment later: what stands there now is the truth.
  return read_document(store, std::string(format::repository_key), limits::small_object_bytes_max,
                       call, format::decode_repository);
}

}  // namespace

Result<bool> object_exists(ObjectStore& store, const std::string& key, const StoreCall& call) {
  const auto info = store.stat(key, call);
  if (info) return true;
  if (info.error().code == ErrorCode::object_not_found) return false;
  return std::unexpected(info.error());
}

Result<std::unique_ptr<Repository>> Repository::open(ObjectStore& store, const StoreCall& call,
                                                     IfEmpty if_empty) {
  auto file = read_document(store, std::string(format::repository_key),
                            limits::small_object_bytes_max, call, format::decode_repository);
  if (!file && file.error().code == ErrorCode::object_not_found && if_empty == IfEmpty::begin)
    file = create(store, call);
  if (!file && !damaged_document(file.error())) return std::unexpected(std::move(file).error());
  if (!file) return std::unexpected(context("repository " + store.url(), std::move(file).error()));
  return std::unique_ptr<Repository>(new Repository(store, std::move(file->repository_id)));
}

Result<format::Manifest> Repository::manifest(const BackupId& backup, const StoreCall& call) const {
  if (!format::valid_id(backup.value)) return not_found(backup);
  auto manifest = read_document(store_, format::manifest_key(backup), limits::manifest_bytes_max,
                                call, format::decode_manifest);
  if (!manifest && manifest.error().code == ErrorCode::object_not_found) return not_found(backup);
  if (!manifest) return unusable(backup, std::move(manifest).error());
  if (manifest->backup != backup)
    return unusable(
        backup, {ErrorCode::corruption, "its manifest is that of " + manifest->backup.value, {}});
  return manifest;
}

Result<LoadedBackup> Repository::load(const BackupId& backup, const StoreCall& call) const {
  LoadedBackup loaded;
  RESTORED_TRY(loaded.manifest, manifest(backup, call));
  const auto decode = [&](std::string_view bytes) {
    return format::decode_frames(loaded.manifest, bytes);
  };
  auto frames = read_document(store_, format::frames_key(backup),
                              format::frames_bytes(loaded.manifest.frames_count), call, decode);
  if (!frames) return unusable(backup, std::move(frames).error());
  loaded.frames = std::move(*frames);
  return loaded;
}

Result<format::Contents> Repository::contents(const BackupId& backup, const StoreCall& call) const {
  if (!format::valid_id(backup.value)) return not_found(backup);
  auto contents = read_document(store_, format::contents_key(backup), limits::contents_bytes_max,
                                call, format::decode_contents);
  if (contents && contents->backup == backup) return contents;
  if (contents)
    contents = fail(ErrorCode::corruption, "its contents are those of " + contents->backup.value);
  const Error& error = contents.error();
  if (error.code != ErrorCode::object_not_found && !damaged_document(error))
    return std::unexpected(error);
  auto whole = manifest(backup, call);
  if (whole) return contents_of(*whole);
  // It is being made, and what it needs is not known.
  if (whole.error().code == ErrorCode::backup_not_found && damaged_document(error))
    return unusable(backup, error);
  return std::unexpected(std::move(whole).error());
}

Result<void> Repository::announce(const format::Contents& contents, const StoreCall& call) {
  RESTORED_TRY(const std::string document, format::encode_contents(contents));
  return store_.put(format::contents_key(contents.backup), bytes_of(document), call);
}

Result<void> Repository::publish(const format::Manifest& manifest,
                                 std::span<const format::Frame> frames, const StoreCall& call) {
  const std::string document = format::encode_manifest(manifest);
  const std::string index = format::encode_frames(frames);
  // A backup that could not be restored is found out now, while the data is still there.
  if (const auto back = format::decode_manifest(document); !back)
    return fail(ErrorCode::internal, "the manifest does not read back: " + back.error().message);
  if (const auto back = format::decode_frames(manifest, index); !back)
    return fail(ErrorCode::internal, "the frames do not read back: " + back.error().message);
  RESTORED_TRY(const std::string contents, format::encode_contents(contents_of(manifest)));

  const std::string manifest_key = format::manifest_key(manifest.backup);
  RESTORED_TRY(const bool taken, object_exists(store_, manifest_key, call));
  if (taken)
    return fail(ErrorCode::object_exists, name_of(manifest.backup) + " is in the repository");
  const auto write = [&]() -> Result<void> {
    RESTORED_TRY(store_.put(format::frames_key(manifest.backup), bytes_of(index), call));
    RESTORED_TRY(store_.put(format::summary_key(manifest.database, manifest.backup),
                            bytes_of(format::encode_summary(summarize(manifest))), call));
    // For as long as they are there no collection has removed an object of this backup. The size
    // tells whether they are those of this manifest.
    const auto announced = store_.stat(format::contents_key(manifest.backup), call);
    if (!announced && announced.error().code != ErrorCode::object_not_found)
      return std::unexpected(announced.error());
    if (!announced || announced->size_bytes != contents.size())
      return fail(ErrorCode::timed_out,
                  name_of(manifest.backup) + " took so long that it was taken for left behind",
                  "Make the backup again.");
    return store_.put(manifest_key, bytes_of(document), call);
  };
  const auto written = write();
  if (written) return {};
  if (const auto gone = withdraw(manifest.database, manifest.backup, call); !gone)
    log::warning("backup", "documents of {} stay: {}", manifest.backup.value, gone.error().message);
  return written;
}

Result<void> Repository::withdraw(const DatabaseId& database, const BackupId& backup,
                                  const StoreCall& call) {
  return remove_all(store_,
                    {format::manifest_key(backup), format::summary_key(database, backup),
                     format::frames_key(backup), format::contents_key(backup)},
                    call);
}

Result<std::vector<format::Summary>> Repository::list(const DatabaseId& database,
                                                      const StoreCall& call) const {
  if (!format::valid_id(database.value)) return std::vector<format::Summary>();
  std::vector<std::string> keys;
  const auto visit = [&](const ObjectInfo& info) {
    keys.push_back(info.key);
    return true;
  };
  RESTORED_TRY(store_.list(format::summary_prefix(database), visit, call));
  std::vector<std::optional<format::Summary>> read(keys.size());
  const auto look = [&](std::size_t index, const StoreCall& own) -> Result<void> {
    const std::string& key = keys[index];
    auto summary = read_summary(store_, key, own);
    if (!summary && summary.error().code == ErrorCode::object_not_found) return {};  // just removed
    if (!summary && !damaged_document(summary.error()))
      return std::unexpected(std::move(summary).error());
    if (!summary) {
      log::warning("backup", "{} is not listed: {}", key, summary.error().message);
      return {};
    }
    RESTORED_TRY(const bool there,
                 object_exists(store_, format::manifest_key(summary->backup), own));
    if (there) read[index] = std::move(*summary);
    return {};
  };
  RESTORED_TRY(for_each_index(store_, keys.size(), call, look));
  std::vector<format::Summary> summaries;
  for (std::optional<format::Summary>& summary : read)
    if (summary) summaries.push_back(std::move(*summary));
  std::ranges::sort(summaries, [](const format::Summary& a, const format::Summary& b) {
    return std::tie(a.created_at, a.backup) > std::tie(b.created_at, b.backup);
  });
  return summaries;
}

Result<Leftovers> Repository::remove(const BackupId& backup, const StoreCall& call) {
  if (!format::valid_id(backup.value)) return not_found(backup);
  RESTORED_TRY(const bool there, object_exists(store_, format::manifest_key(backup), call));
  if (!there) return not_found(backup);
  Leftovers leftovers{{backup}, {}};
  // A backup that cannot be read can be removed. Its objects are then old orphans one day.
  const auto needed = contents(backup, call);
  if (needed) leftovers.contents.insert(needed->objects.begin(), needed->objects.end());
  if (!needed && needed.error().code != ErrorCode::backup_not_usable)
    return std::unexpected(needed.error());
  RESTORED_TRY(store_.remove(format::manifest_key(backup), call));
  std::vector<std::string> keys{format::frames_key(backup), format::contents_key(backup)};
  if (needed) keys.insert(keys.begin(), format::summary_key(needed->database, backup));
  const auto rest = remove_all(store_, keys, call);
  if (!rest)
    log::warning("backup", "what {} leaves stays until the next collection: {}", backup.value,
                 rest.error().message);
  return leftovers;
}

Result<std::set<format::ContentId>> Repository::damaged(const StoreCall& call) const {
  std::set<format::ContentId> found;
  const auto visit = [&](const ObjectInfo& info) {
    const auto content = format::content_id_from_hex(
        std::string_view(info.key).substr(format::damage_prefix.size()));
    if (content) found.insert(*content);
    return true;
  };
  RESTORED_TRY(store_.list(format::damage_prefix, visit, call));
  return found;
}

Result<format::Damage> Repository::damage(const format::ContentId& content,
                                          const StoreCall& call) const {
  return read_document(store_, format::damage_key(content), limits::small_object_bytes_max, call,
                       format::decode_damage);
}

Result<void> Repository::note_damage(const format::Damage& damage, const StoreCall& call) {
  return store_.put(format::damage_key(damage.content), bytes_of(format::encode_damage(damage)),
                    call);
}

Result<void> Repository::forget_damage(const format::ContentId& content, const StoreCall& call) {
  return store_.remove(format::damage_key(content), call);
}

}  // namespace restored::backup
