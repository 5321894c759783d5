#include "backup/make_backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "backup/base_files.h"
#include "backup/file_facts.h"
#include "base/check.h"
#include "pipeline/upload.h"
#include "restored/limits.h"
#include "restored/record.h"

namespace restored::backup {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;  // progress counters

// One run of make_backup; its steps, in order.
class Run {
 public:
  Run(const BackupRequest& request, const BackupEnvironment& environment,
      const BackupWatcher& watcher, std::stop_token stop)
      : request_(request), environment_(environment), watcher_(watcher), stop_(std::move(stop)) {}

  Result<void> export_files();
  Result<void> find_stored_files();
  Result<void> upload_others();
  Result<format::Manifest> publish();

 private:
  std::vector<BackupId> bases() const;
  format::Manifest manifest(std::span<const format::Frame> frames) const;

  const BackupRequest& request_;
  const BackupEnvironment& environment_;
  const BackupWatcher& watcher_;
  const std::stop_token stop_;

  catalog::ExportedGeneration exported_;
  std::vector<std::optional<StoredFile>> stored_;  // in the order of exported_.files
  std::uint64_t uploaded_bytes_ = 0;
  bool incremental_ = false;
};

Result<void> Run::export_files() {
  RESTORED_TRY(watcher_.enter(Phase::export_files));
  RESTORED_TRY(exported_, environment_.database.export_live(request_.export_directory));
  std::uint64_t bytes = 0;
  for (const catalog::FileFacts& file : exported_.files) bytes += file.size_bytes;
  environment_.progress.bytes_total.store(bytes, relaxed);
  environment_.progress.files_total.store(exported_.files.size(), relaxed);
  watcher_.step("backup.make.after-export");
  return {};
}

std::vector<BackupId> Run::bases() const {
  const catalog::CatalogState state = environment_.database.state();
  std::vector<BackupId> bases = state.base_backups;
  const BackupId& origin = state.live_provenance.backup;
  if (!origin.empty() && std::ranges::find(bases, origin) == bases.end()) bases.push_back(origin);
  return bases;
}

Result<void> Run::find_stored_files() {
  RESTORED_TRY(watcher_.enter(Phase::upload));
  const std::vector<BackupId> candidates = bases();
  RESTORED_TRY(stored_, find_stored(environment_.repository, candidates, exported_.files, stop_));
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    if (!stored_[i]) continue;
    incremental_ = true;
    environment_.progress.bytes_done.fetch_add(exported_.files[i].size_bytes, relaxed);
    environment_.progress.bytes_reused.fetch_add(exported_.files[i].size_bytes, relaxed);
    environment_.progress.files_done.fetch_add(1, relaxed);
  }
  return {};
}

Result<void> Run::upload_others() {
  std::vector<pipeline::UploadFile> others;
  std::vector<std::size_t> indexes;
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    if (stored_[i]) continue;
    const catalog::FileFacts& file = exported_.files[i];
    others.push_back({file.name, exported_.directory + "/" + file.name, file.size_bytes});
    indexes.push_back(i);
  }
  const pipeline::UploadEnvironment environment{environment_.repository.store(),
                                                environment_.files,
                                                environment_.budget,
                                                environment_.progress,
                                                environment_.waits,
                                                environment_.bandwidth,
                                                environment_.threads,
                                                environment_.zstd_level};
  RESTORED_TRY(std::vector<pipeline::UploadedFile> uploaded,
               pipeline::upload(others, environment, stop_));
  RESTORED_CHECK(uploaded.size() == indexes.size(), "an upload answers for each file");
  for (std::size_t i = 0; i < uploaded.size(); ++i) {
    uploaded_bytes_ += uploaded[i].uploaded_bytes;
    stored_[indexes[i]] = StoredFile{uploaded[i].content, std::move(uploaded[i].frames)};
  }
  watcher_.step("backup.make.after-upload");
  return {};
}

format::Manifest Run::manifest(std::span<const format::Frame> frames) const {
  format::Manifest manifest;
  manifest.repository_id = environment_.repository.id();
  manifest.backup = request_.id;
  manifest.database = request_.database;
  manifest.database_name = request_.database_name;
  manifest.name = request_.name;
  manifest.created_at = request_.created_at;
  manifest.agent_version = request_.agent_version;
  manifest.rocksdb_version = catalog::rocksdb_version();
  manifest.comparator = exported_.comparator;
  manifest.encoding_version = record::encoding_version;
  manifest.frame_bytes = limits::frame_bytes;
  manifest.largest_sequence = exported_.largest_sequence;
  manifest.uploaded_bytes = uploaded_bytes_;
  manifest.incremental = incremental_;
  for (const catalog::FileFacts& file : exported_.files) {
    manifest.files.push_back(manifest_file(file));
  }
  format::index_frames(manifest, frames);
  return manifest;
}

Result<format::Manifest> Run::publish() {
  std::vector<format::Frame> frames;
  for (const std::optional<StoredFile>& file : stored_) {
    frames.insert(frames.end(), file->frames.begin(), file->frames.end());
  }
  const format::Manifest made = manifest(frames);
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    // The frames name the content: what was uploaded and what is named must be the same.
    RESTORED_CHECK(made.files[i].content == stored_[i]->content,
                   "a file's content id follows from its frames");
  }
  RESTORED_TRY(watcher_.enter(Phase::commit));
  RESTORED_TRY(watcher_.point_of_no_return());
  watcher_.step("backup.make.before-manifest");
  RESTORED_TRY(environment_.repository.publish(made, frames, stop_));
  watcher_.step("backup.make.after-manifest");
  return made;
}

}  // namespace

Result<format::Manifest> make_backup(const BackupRequest& request,
                                     const BackupEnvironment& environment,
                                     const BackupWatcher& watcher, std::stop_token stop) {
  Run run(request, environment, watcher, std::move(stop));
  RESTORED_TRY(run.export_files());
  RESTORED_TRY(run.find_stored_files());
  RESTORED_TRY(run.upload_others());
  return run.publish();
}

Result<void> discard_unpublished(Repository& repository, const DatabaseId& database,
                                 const BackupId& backup, std::stop_token stop) {
  ObjectStore& store = repository.store();
  const Result<ObjectInfo> manifest = store.stat(format::manifest_key(backup), stop);
  if (manifest) return {};
  if (manifest.error().code != ErrorCode::object_not_found) {
    return std::unexpected(manifest.error());
  }
  RESTORED_TRY(store.remove(format::summary_key(database, backup), stop));
  return store.remove(format::frames_key(backup), stop);
}

}  // namespace restored::backup
