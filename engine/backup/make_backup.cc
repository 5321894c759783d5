#include "backup/make_backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "backup/base_files.h"
#include "backup/documents.h"
#include "backup/file_facts.h"
#include "backup/secure_objects.h"
#include "base/check.h"
#include "base/log.h"
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
      const BackupWatcher& watcher, const StoreCall& call)
      : request_(request), environment_(environment), watcher_(watcher), call_(call) {}

  Result<void> export_files();
  Result<void> find_stored_files();
  Result<void> upload_others();
  Result<void> secure();
  Result<format::Manifest> publish();

 private:
  using Contents = std::set<format::ContentId>;
  std::vector<BackupId> bases() const;
  Result<void> upload(const std::vector<std::size_t>& indexes, pipeline::Progress& progress,
                      const Contents& replaced);
  std::vector<NamedObject> objects() const;
  Result<void> write_again(const LostObjects& lost);
  void forget_damage();
  void withdraw();
  format::Manifest manifest(std::span<const format::Frame> frames) const;

  const BackupRequest& request_;
  const BackupEnvironment& environment_;
  const BackupWatcher& watcher_;
  const StoreCall& call_;

  catalog::ExportedGeneration exported_;
  std::vector<std::optional<StoredFile>> stored_;  // in the order of exported_.files
  std::vector<std::uint64_t> uploaded_bytes_;      // in the same order
  Contents damaged_;                               // what is known of them when it begins
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
  RESTORED_TRY(damaged_, environment_.repository.damaged(call_));
  const std::vector<BackupId> candidates = bases();
  RESTORED_TRY(stored_,
               find_stored(environment_.repository, candidates, exported_.files, damaged_, call_));
  uploaded_bytes_.resize(stored_.size());
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    if (!stored_[i]) continue;
    environment_.progress.bytes_done.fetch_add(exported_.files[i].size_bytes, relaxed);
    environment_.progress.bytes_reused.fetch_add(exported_.files[i].size_bytes, relaxed);
    environment_.progress.files_done.fetch_add(1, relaxed);
  }
  return {};
}

Result<void> Run::upload_others() {
  std::vector<std::size_t> indexes;
  for (std::size_t i = 0; i < stored_.size(); ++i)
    if (!stored_[i]) indexes.push_back(i);
  RESTORED_TRY(upload(indexes, environment_.progress, damaged_));
  watcher_.step("backup.make.after-upload");
  return {};
}

Result<void> Run::upload(const std::vector<std::size_t>& indexes, pipeline::Progress& progress,
                         const Contents& replaced) {
  std::vector<pipeline::UploadFile> files;
  for (const std::size_t i : indexes) {
    const catalog::FileFacts& file = exported_.files[i];
    files.push_back({file.name, exported_.directory + "/" + file.name, file.size_bytes});
  }
  const pipeline::UploadEnvironment environment{environment_.repository.store(),
                                                environment_.files,
                                                environment_.budget,
                                                progress,
                                                call_.waits,
                                                call_.bandwidth,
                                                environment_.threads,
                                                environment_.zstd_level,
                                                &replaced,
                                                environment_.repository.data_key()};
  RESTORED_TRY(std::vector<pipeline::UploadedFile> uploaded,
               pipeline::upload(files, environment, call_.stop));
  RESTORED_CHECK(uploaded.size() == indexes.size(), "an upload answers for each file");
  for (std::size_t n = 0; n < uploaded.size(); ++n) {
    const std::size_t i = indexes[n];
    RESTORED_CHECK(!stored_[i] || stored_[i]->content == uploaded[n].content,
                   "an exported file keeps its content");
    uploaded_bytes_[i] = std::max(uploaded_bytes_[i], uploaded[n].uploaded_bytes);
    stored_[i] = StoredFile{uploaded[n].content, std::move(uploaded[n].frames)};
  }
  return {};
}

std::vector<NamedObject> Run::objects() const {
  std::vector<NamedObject> objects;
  for (const std::optional<StoredFile>& file : stored_) {
    std::uint64_t bytes = format::seek_table_bytes(file->frames.size());
    for (const format::Frame& frame : file->frames) bytes += frame.stored_bytes;
    objects.push_back({file->content, bytes});
  }
  return objects;
}

// An object of another size may be whole all the same: another host with another level of
// compression has written it again. Then its own lengths are taken, and other backups keep it.
Result<void> Run::write_again(const LostObjects& lost) {
  std::vector<std::size_t> indexes;
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    const format::ContentId& content = stored_[i]->content;
    if (lost.missing.contains(content) || lost.other_size.contains(content)) indexes.push_back(i);
  }
  pipeline::Progress again;  // the files count as done already
  Result<void> done = upload(indexes, again, {});
  if (!done && done.error().code == ErrorCode::corruption)
    done = upload(indexes, again, lost.other_size);
  environment_.progress.bytes_transferred.fetch_add(again.bytes_transferred.load(relaxed), relaxed);
  return done;
}

Result<void> Run::secure() {
  const ObjectsToSecure request{request_.id,
                                request_.database,
                                [this] { return objects(); },
                                [this](const LostObjects& lost) { return write_again(lost); },
                                watcher_.waits_on,
                                environment_.times};
  const Result<void> secured = secure_objects(environment_.repository, request, call_);
  if (!secured) {
    withdraw();
    return secured;
  }
  forget_damage();
  watcher_.step("backup.make.after-contents");
  return {};
}

// What was damaged has been written again, and looked at since.
void Run::forget_damage() {
  for (const std::optional<StoredFile>& file : stored_) {
    if (damaged_.erase(file->content) == 0) continue;
    const auto forgotten = environment_.repository.forget_damage(file->content, call_);
    log::info("backup", "backup={} has replaced the damaged object {}{}", request_.id.value,
              file->content.hex(), forgotten ? "" : ", which stays on record as damaged");
  }
}

void Run::withdraw() {
  const auto gone = environment_.repository.withdraw(request_.database, request_.id, call_);
  if (!gone)
    log::warning("backup", "documents of {} stay: {}", request_.id.value, gone.error().message);
}

format::Manifest Run::manifest(std::span<const format::Frame> frames) const {
  format::Manifest manifest;
  manifest.repository_id = environment_.repository.id();
  const format::DataKey* const data_key = environment_.repository.data_key();
  if (data_key != nullptr) manifest.data_key = data_key->id();
  manifest.backup = request_.id;
  manifest.database = request_.database;
  manifest.database_name = request_.database_name;
  manifest.name = request_.name;
  manifest.scheduled = request_.scheduled;
  manifest.created_at = request_.created_at;
  manifest.agent_version = request_.agent_version;
  manifest.rocksdb_version = catalog::rocksdb_version();
  manifest.comparator = exported_.comparator;
  manifest.encoding_version = record::encoding_version;
  manifest.frame_bytes = limits::frame_bytes;
  manifest.largest_sequence = exported_.largest_sequence;
  for (const std::uint64_t bytes : uploaded_bytes_) {
    manifest.uploaded_bytes += bytes;
    manifest.incremental = manifest.incremental || bytes == 0;
  }
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    manifest.files.push_back(manifest_file(exported_.files[i]));
    manifest.files.back().content = stored_[i]->content;
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
  Result<void> goes_on = watcher_.enter(Phase::commit);
  if (goes_on) goes_on = watcher_.point_of_no_return();
  if (!goes_on) {
    withdraw();
    return std::unexpected(std::move(goes_on).error());
  }
  watcher_.step("backup.make.before-manifest");
  RESTORED_TRY(environment_.repository.publish(made, frames, call_));
  watcher_.step("backup.make.after-manifest");
  return made;
}

}  // namespace

Result<format::Manifest> make_backup(const BackupRequest& request,
                                     const BackupEnvironment& environment,
                                     const BackupWatcher& watcher, const StoreCall& call) {
  Run run(request, environment, watcher, call);
  RESTORED_TRY(run.export_files());
  RESTORED_TRY(run.find_stored_files());
  RESTORED_TRY(run.upload_others());
  RESTORED_TRY(run.secure());
  return run.publish();
}

Result<void> discard_unpublished(Repository& repository, const DatabaseId& database,
                                 const BackupId& backup, const StoreCall& call) {
  RESTORED_TRY(const bool published,
               object_exists(repository.store(), format::manifest_key(backup), call));
  if (published) return {};
  return repository.withdraw(database, backup, call);
}

}  // namespace restored::backup
