#include "restore/verify_operation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "backup/parallel.h"
#include "base/log.h"
#include "base/mutex.h"
#include "pipeline/stored_lengths.h"
#include "restore/source_check.h"

namespace restored::restore {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;  // progress counters

bool of_the_object(const Error& error) {
  return error.code == ErrorCode::corruption || error.code == ErrorCode::object_not_found;
}

}  // namespace

VerifyOperation::VerifyOperation(EngineParts& parts, std::shared_ptr<Operation> operation,
                                 VerifyDepth depth, BackupUse use, backup::LoadedBackup backup)
    : parts_(parts),
      operation_(std::move(operation)),
      depth_(depth),
      use_(std::move(use)),
      backup_(std::move(backup)) {}

Result<void> VerifyOperation::run() {
  const format::Manifest& manifest = backup_.manifest;
  pipeline::Progress& progress = operation_->progress();
  progress.bytes_total.store(manifest.content_bytes(), relaxed);
  progress.files_total.store(manifest.files.size(), relaxed);
  RESTORED_TRY(operation_->enter(Phase::read));
  const Result<void> outcome = look_at_all(files());
  operation_->note_memory(parts_.budget->peak_bytes());
  parts_.budget->trim();
  return outcome;
}

VerifyOperation::Files VerifyOperation::files() const {
  Files files;
  files.reserve(backup_.manifest.files.size());
  for (const format::ManifestFile& file : backup_.manifest.files) {
    files.push_back({file.name,
                     format::object_key(file.content),
                     "",
                     file.size_bytes,
                     std::span(backup_.frames).subspan(file.frames_begin, file.frames_count),
                     {},
                     backup_.seal(file)});
  }
  return files;
}

Result<void> VerifyOperation::look_at_all(const Files& files) {
  if (depth_ == VerifyDepth::fast) return ask_for_sizes(files);
  const pipeline::FetchEnvironment environment =
      parts_.fetch_environment(*operation_, operation_->progress());
  const Result<void> outcome =
      pipeline::verify_objects(files, environment, operation_->stop_token());
  if (outcome) {
    forget_damage();
    return {};
  }
  const bool changed = outcome.error().code == ErrorCode::object_changed;
  if (!changed && !of_the_object(outcome.error())) return outcome;
  operation_->waits_on("each object to be read again, to find all that are damaged");
  RESTORED_TRY(const Reread again, read_each_again(files));
  if (!again.damaged.empty()) return report(again.damaged);
  // Whole at the second look: what came over the wire was not what the store has.
  if (!again.replaced && !changed) return outcome;
  pipeline::Progress& progress = operation_->progress();
  progress.bytes_done.store(progress.bytes_total.load(relaxed), relaxed);
  progress.files_done.store(progress.files_total.load(relaxed), relaxed);
  forget_damage();
  return {};
}

Result<VerifyOperation::Reread> VerifyOperation::read_each_again(const Files& files) {
  pipeline::Progress progress;  // these bytes were counted
  const pipeline::FetchEnvironment again = parts_.fetch_environment(*operation_, progress);
  Reread reread;
  for (std::size_t i = 0; i < files.size(); ++i) {
    pipeline::FetchFile file = files[i];
    const auto read = [&] {
      return pipeline::verify_objects({&file, 1}, again, operation_->stop_token());
    };
    Result<void> whole = read();
    if (!whole && whole.error().code == ErrorCode::corruption) {
      std::vector<format::Frame> frames(file.frames.begin(), file.frames.end());
      const auto adopted = pipeline::adopt_lengths(*parts_.store, progress, file.object_key,
                                                   file.seal, frames, operation_->call());
      if (!adopted && !of_the_object(adopted.error())) return std::unexpected(adopted.error());
      if (!std::ranges::equal(frames, file.frames)) {
        file.frames = frames;
        whole = read();
        reread.replaced = reread.replaced || whole.has_value();
      }
    }
    if (whole) continue;
    if (!of_the_object(whole.error())) return std::unexpected(whole.error());
    reread.damaged.push_back({i, std::move(whole).error()});
  }
  return reread;
}

Result<void> VerifyOperation::ask_for_sizes(const Files& files) {
  Mutex mutex;
  std::vector<Damaged> damaged;
  pipeline::Progress& progress = operation_->progress();
  const auto look = [&](std::size_t index, const StoreCall& call) -> Result<void> {
    Result<void> there = check_size(files[index], call);
    if (!there && !of_the_object(there.error())) return there;
    if (!there) {
      const MutexLock lock(mutex);
      damaged.push_back({index, std::move(there).error()});
    }
    progress.bytes_done.fetch_add(files[index].size_bytes, relaxed);
    progress.files_done.fetch_add(1, relaxed);
    return {};
  };
  RESTORED_TRY(backup::for_each_index(*parts_.store, files.size(), operation_->call(), look));
  if (damaged.empty()) return {};
  std::ranges::sort(damaged, {}, &Damaged::file);
  return report(damaged);
}

// One of another size was replaced since, if its seek table says so.
Result<void> VerifyOperation::check_size(const pipeline::FetchFile& file, const StoreCall& call) {
  const auto info = parts_.store->stat(file.object_key, call);
  if (!info) return std::unexpected(context(file.name, info.error()));
  std::uint64_t bytes = format::seek_table_bytes(file.frames.size());
  for (const format::Frame& frame : file.frames) bytes += frame.stored_bytes;
  if (info->size_bytes == bytes) return {};
  std::vector<format::Frame> frames(file.frames.begin(), file.frames.end());
  const auto adopted = pipeline::adopt_lengths(*parts_.store, operation_->progress(),
                                               file.object_key, file.seal, frames, call);
  if (!adopted) {
    return std::unexpected(context(fmt::format("{} of {} has {} bytes, not {}", file.object_key,
                                               file.name, info->size_bytes, bytes),
                                   adopted.error()));
  }
  if (*adopted) return {};
  return fail(ErrorCode::object_not_found,
              fmt::format("{} of {} is gone", file.object_key, file.name));
}

// Later backups do not share these objects, but write them again.
Result<void> VerifyOperation::report(const std::vector<Damaged>& damaged) {
  const StoreCall call = operation_->call();
  Error error = explain_lost(parts_, backup_.manifest.backup, damaged.front().error, call);
  if (error.code == ErrorCode::backup_not_found) return std::unexpected(std::move(error));
  // As it is now: what is written is sealed once another host has begun to encrypt it.
  const auto repository = parts_.repository->current(call);
  if (!repository)
    log::warning("restore", "damage of {} objects is not noted: {}", damaged.size(),
                 repository.error().message);
  for (const Damaged& one : damaged) {
    if (!repository) break;
    const format::Damage damage{backup_.manifest.files[one.file].content, backup_.manifest.backup,
                                one.error.message};
    const Result<void> noted = (*repository)->note_damage(damage, call);
    if (!noted) {
      log::warning("restore", "damage of {} is not noted: {}", damage.content.hex(),
                   noted.error().message);
    }
  }
  error.message = fmt::format("{} of {} objects are damaged; {}", damaged.size(),
                              backup_.manifest.files.size(), error.message);
  return std::unexpected(std::move(error));
}

// Every object of this backup is whole, whatever was found before.
void VerifyOperation::forget_damage() {
  const StoreCall call = operation_->call();
  const auto repository = parts_.repository->get(call);
  if (!repository) return;
  const auto damaged = (*repository)->damaged(call);
  if (!damaged || damaged->empty()) return;
  for (const format::ContentId& content : contents_of(backup_.manifest).objects) {
    if (!damaged->contains(content)) continue;
    if (const Result<void> gone = (*repository)->forget_damage(content, call); !gone) {
      log::warning("restore", "{} stays on record as damaged: {}", content.hex(),
                   gone.error().message);
    }
  }
}

}  // namespace restored::restore
