#include "backup/repository.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <tuple>

#include "backup/delayed_stop.h"
#include "backup/documents.h"
#include "backup/parallel.h"
#include "base/check.h"
#include "base/log.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

// How long a stopped call still tidies up.
constexpr std::chrono::milliseconds tidy_time(500);

std::string name_of(const BackupId& backup) {
  return format::valid_id(backup.value) ? "backup " + backup.value : "that backup";
}

Result<format::Summary> read_summary(const SealedDocuments& documents, const std::string& key,
                                     const StoreCall& call) {
  const auto decode = [](std::string_view bytes, const format::DataKey*) {
    return format::decode_summary(bytes);
  };
  RESTORED_TRY(
      format::Summary summary,
      documents.read(format::summary_kind, key, limits::small_object_bytes_max, call, decode));
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

}  // namespace

Result<bool> object_exists(ObjectStore& store, const std::string& key, const StoreCall& call) {
  const auto info = store.stat(key, call);
  if (info) return true;
  if (info.error().code == ErrorCode::object_not_found) return false;
  return std::unexpected(info.error());
}

Result<Repository::OpenedManifest> Repository::open_manifest(const BackupId& backup,
                                                             const StoreCall& call) const {
  if (!format::valid_id(backup.value)) return not_found(backup);
  const auto decode = [](std::string_view bytes,
                         const format::DataKey* key) -> Result<OpenedManifest> {
    RESTORED_TRY(format::Manifest manifest, format::decode_manifest(bytes));
    return OpenedManifest{std::move(manifest), key};
  };
  auto opened = documents_.read(format::manifest_kind, format::manifest_key(backup),
                                limits::manifest_bytes_max, call, decode);
  if (!opened && opened.error().code == ErrorCode::object_not_found) return not_found(backup);
  if (!opened) return unusable(backup, std::move(opened).error());
  const format::Manifest& manifest = opened->manifest;
  if (manifest.backup != backup)
    return unusable(
        backup, {ErrorCode::corruption, "its manifest is that of " + manifest.backup.value, {}});
  // One that is not sealed must not make anybody believe that its objects are.
  if (manifest.data_key != (opened->key == nullptr ? std::string() : opened->key->id()))
    return unusable(backup, {ErrorCode::corruption, "its manifest names another data key", {}});
  return opened;
}

Result<format::Manifest> Repository::manifest(const BackupId& backup, const StoreCall& call) const {
  RESTORED_TRY(OpenedManifest opened, open_manifest(backup, call));
  return std::move(opened.manifest);
}

Result<std::vector<format::Frame>> Repository::read_frames(const OpenedManifest& of,
                                                           const StoreCall& call) const {
  const std::string key = format::frames_key(of.manifest.backup);
  const auto decode = [&](std::string_view bytes) -> Result<std::vector<format::Frame>> {
    if (of.key == nullptr) return format::decode_frames(of.manifest, bytes);
    RESTORED_TRY(const std::string index,
                 format::open_frames(*of.key, {id(), key}, of.manifest, bytes));
    return format::decode_frames(of.manifest, index);
  };
  const std::uint64_t bytes = of.key == nullptr ? format::frames_bytes(of.manifest.frames_count)
                                                : format::sealed_frames_bytes(of.manifest);
  return read_document(store_, key, bytes, call, decode);
}

Result<LoadedBackup> Repository::load(const BackupId& backup, const StoreCall& call) const {
  RESTORED_TRY(OpenedManifest opened, open_manifest(backup, call));
  auto frames = read_frames(opened, call);
  if (!frames) return unusable(backup, std::move(frames).error());
  return LoadedBackup{std::move(opened.manifest), std::move(*frames), opened.key};
}

Result<format::Contents> Repository::contents(const BackupId& backup, const StoreCall& call) const {
  if (!format::valid_id(backup.value)) return not_found(backup);
  const auto decode = [](std::string_view bytes, const format::DataKey*) {
    return format::decode_contents(bytes);
  };
  auto contents = documents_.read(format::contents_kind, format::contents_key(backup),
                                  limits::contents_bytes_max, call, decode);
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
  return documents_.write(format::contents_kind, format::contents_key(contents.backup), document,
                          call);
}

std::string Repository::sealed_frames(const format::Manifest& manifest, std::string index) const {
  if (data_key() == nullptr) return index;
  const std::string key = format::frames_key(manifest.backup);
  return format::seal_frames(*data_key(), {id(), key}, manifest, index);
}

Result<void> Repository::publish(const format::Manifest& manifest,
                                 std::span<const format::Frame> frames, const StoreCall& call) {
  RESTORED_CHECK(manifest.data_key == (data_key() == nullptr ? "" : data_key()->id()),
                 "a backup is sealed with the repository's data key");
  const std::string document = format::encode_manifest(manifest);
  const std::string index = format::encode_frames(frames);
  // A backup that could not be restored is found out now, while the data is still there.
  if (const auto back = format::decode_manifest(document); !back)
    return fail(ErrorCode::internal, "the manifest does not read back: " + back.error().message);
  if (const auto back = format::decode_frames(manifest, index); !back)
    return fail(ErrorCode::internal, "the frames do not read back: " + back.error().message);
  RESTORED_TRY(std::string contents, format::encode_contents(contents_of(manifest)));
  contents = documents_.seal(format::contents_kind, format::contents_key(manifest.backup),
                             std::move(contents));

  const std::string manifest_key = format::manifest_key(manifest.backup);
  RESTORED_TRY(const bool taken, object_exists(store_, manifest_key, call));
  if (taken)
    return fail(ErrorCode::object_exists, name_of(manifest.backup) + " is in the repository");
  const auto write = [&]() -> Result<void> {
    // Whoever comes later reads it as what repository.json says: not in clear where another host
    // has begun to encrypt meanwhile, nor bound to an id that the repository does not have.
    RESTORED_TRY(confirm(call));
    RESTORED_TRY(store_.put(format::frames_key(manifest.backup),
                            bytes_of(sealed_frames(manifest, index)), call));
    RESTORED_TRY(documents_.write(format::summary_kind,
                                  format::summary_key(manifest.database, manifest.backup),
                                  format::encode_summary(summarize(manifest)), call));
    // For as long as they are there no collection has removed an object of this backup. The size
    // tells whether they are those of this manifest.
    const auto announced = store_.stat(format::contents_key(manifest.backup), call);
    if (!announced && announced.error().code != ErrorCode::object_not_found)
      return std::unexpected(announced.error());
    if (!announced || announced->size_bytes != contents.size())
      return fail(ErrorCode::timed_out,
                  name_of(manifest.backup) + " took so long that it was taken for left behind",
                  "Make the backup again.");
    RESTORED_TRY(documents_.write(format::manifest_kind, manifest_key, document, call));
    // Once more: what changed it meanwhile came before the manifest, and its host could not know of
    // this backup. A store that is away, or a damaged document, says nothing of that.
    const auto still = confirm(call);
    if (!still && tells_of_another(still.error())) return std::unexpected(still.error());
    return {};
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

Result<void> Repository::settle(const BackupId& backup, const StoreCall& call) const {
  return store_.settle(std::array{format::manifest_key(backup)}, call);
}

Result<std::vector<format::Summary>> Repository::list(
    const DatabaseId& database, const StoreCall& call,
    std::vector<UnreadableBackup>* unreadable) const {
  if (!format::valid_id(database.value)) return std::vector<format::Summary>();
  std::vector<ObjectInfo> found;
  const auto visit = [&](const ObjectInfo& info) {
    found.push_back(info);
    return true;
  };
  RESTORED_TRY(store_.list(format::summary_prefix(database), visit, call));
  std::vector<std::optional<format::Summary>> read(found.size());
  std::vector<std::optional<Error>> sealed(found.size());
  const auto look = [&](std::size_t index, const StoreCall& own) -> Result<void> {
    const std::string& key = found[index].key;
    auto summary = read_summary(documents_, key, own);
    if (!summary && summary.error().code == ErrorCode::object_not_found) return {};  // just removed
    if (!summary && unreadable != nullptr && about_keys(summary.error().code)) {
      const BackupId backup(key.substr(format::summary_prefix(database).size()));
      if (!format::valid_id(backup.value)) return {};
      RESTORED_TRY(const bool there, object_exists(store_, format::manifest_key(backup), own));
      if (there) sealed[index] = std::move(summary).error();
      return {};
    }
    if (!summary && !damaged_document(summary.error()) && !about_keys(summary.error().code))
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
  RESTORED_TRY(for_each_index(store_, found.size(), call, look));
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!sealed[i]) continue;
    unreadable->push_back({BackupId(found[i].key.substr(format::summary_prefix(database).size())),
                           found[i].modified_unix_millis, std::move(*sealed[i])});
  }
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
  if (!there) {
    // A removal that was killed may be why.
    RESTORED_TRY(settle(backup, call));
    return not_found(backup);
  }
  Leftovers leftovers{{backup}, {}};
  // A backup that cannot be read can be removed. Its objects are then old orphans one day.
  const auto needed = contents(backup, call);
  if (needed) leftovers.contents.insert(needed->objects.begin(), needed->objects.end());
  if (!needed && needed.error().code != ErrorCode::backup_not_usable &&
      !about_keys(needed.error().code))
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
  const auto decode = [](std::string_view bytes, const format::DataKey*) {
    return format::decode_damage(bytes);
  };
  return documents_.read(format::damage_kind, format::damage_key(content),
                         limits::small_object_bytes_max, call, decode);
}

Result<void> Repository::note_damage(const format::Damage& damage, const StoreCall& call) {
  return documents_.write(format::damage_kind, format::damage_key(damage.content),
                          format::encode_damage(damage), call);
}

Result<void> Repository::forget_damage(const format::ContentId& content, const StoreCall& call) {
  return store_.remove(format::damage_key(content), call);
}

}  // namespace restored::backup
