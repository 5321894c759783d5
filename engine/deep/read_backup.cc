#include "deep/read_backup.h"

#include <fmt/core.h>

#include <memory>

#include "backup/repository.h"
#include "base/object_versions.h"
#include "catalog/options.h"
#include "deep/plain_database.h"
#include "deep/plain_object.h"
#include "deep/scratch.h"
#include "io/file_system.h"
#include "restore/wrapping_keys.h"
#include "store/open_store.h"

namespace restored::deep {
namespace {

// What RocksDB writes of its own beside the files.
constexpr std::uint64_t added_bytes = 64 * kMiB;

Result<void> check_room(const std::string& directory, std::uint64_t content_bytes) {
  RESTORED_TRY(const io::Space space, io::system_files().space(directory));
  const std::uint64_t needed = content_bytes + added_bytes;
  if (space.free_bytes >= needed) return {};
  return fail(ErrorCode::insufficient_space,
              fmt::format("{} has {} bytes free, the backup needs {} there", directory,
                          space.free_bytes, needed),
              "Name a directory with more room.");
}

// So that what is said of a mistyped directory names it.
Result<void> check_directory(const std::string& url) {
  if (!url.starts_with("file://")) return {};
  RESTORED_TRY(const std::string directory, store::directory_of(url));
  RESTORED_TRY(io::system_files().stat(directory));
  return {};
}

Result<void> decode_objects(const backup::LoadedBackup& loaded, ObjectStore& store,
                            const std::string& directory,
                            const std::function<void(const Progress&)>& tell,
                            const StoreCall& call) {
  Progress progress;
  progress.files_total = loaded.manifest.files.size();
  progress.bytes_total = loaded.manifest.content_bytes();
  for (const format::ManifestFile& file : loaded.manifest.files) {
    if (call.stop.stop_requested())
      return fail(ErrorCode::cancelled, "reading the backup was stopped");
    RESTORED_TRY(decode_object(store, file, loaded.key, directory + "/" + file.name, call));
    ++progress.files;
    progress.bytes += file.size_bytes;
    if (tell) tell(progress);
  }
  return {};
}

}  // namespace

Result<ReadBackup> read_backup(const Request& request, const std::stop_token& stop) {
  RESTORED_TRY(auto wrapping, restore::read_wrapping_keys(request.encryption));
  const backup::KeyRing keys(std::move(wrapping), request.encryption.accept_unencrypted);
  RESTORED_TRY(check_directory(request.repository_url));
  RESTORED_TRY(const auto store, store::open_store(request.repository_url, io::system_files(),
                                                   nullptr, request.store, store::Use::reading));
  ObjectVersions versions;
  StoreCall call(stop);
  call.versions = &versions;
  RESTORED_TRY(const auto repository, backup::Repository::open_for_reading(*store, call, keys));
  RESTORED_TRY(const backup::LoadedBackup loaded, repository->load(request.backup, call));
  const format::Manifest& manifest = loaded.manifest;
  if (manifest.comparator != catalog::comparator_name)
    return fail(ErrorCode::not_restorable,
                fmt::format("its files are ordered by {}", manifest.comparator));

  RESTORED_TRY(const auto scratch, Scratch::make(request.scratch));
  RESTORED_TRY(check_room(scratch->path(), manifest.content_bytes()));
  const std::string files = scratch->path() + "/files";
  RESTORED_TRY(io::system_files().make_directories(files));
  RESTORED_TRY(decode_objects(loaded, *store, files, request.tell, call));
  RESTORED_TRY(const ContentFacts content,
               read_rows(scratch->path(), manifest, request.as_of, stop));
  return ReadBackup{manifest.database, manifest.database_name, manifest.files.size(),
                    manifest.entries(), content};
}

}  // namespace restored::deep
