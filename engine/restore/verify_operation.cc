#include "restore/verify_operation.h"

#include <span>
#include <utility>
#include <vector>

namespace restored::restore {

VerifyOperation::VerifyOperation(EngineParts& parts, std::shared_ptr<Operation> operation,
                                 BackupUse use, backup::LoadedBackup backup)
    : parts_(parts),
      operation_(std::move(operation)),
      use_(std::move(use)),
      backup_(std::move(backup)) {}

Result<void> VerifyOperation::run() {
  const format::Manifest& manifest = backup_.manifest;
  pipeline::Progress& progress = operation_->progress();
  progress.bytes_total.store(manifest.content_bytes(), std::memory_order_relaxed);
  progress.files_total.store(manifest.files.size(), std::memory_order_relaxed);
  RESTORED_TRY(operation_->enter(Phase::read));
  std::vector<pipeline::FetchFile> files;
  files.reserve(manifest.files.size());
  for (const format::ManifestFile& file : manifest.files) {
    files.push_back({file.name,
                     format::object_key(file.content),
                     "",
                     file.size_bytes,
                     std::span(backup_.frames).subspan(file.frames_begin, file.frames_count),
                     {}});
  }
  const pipeline::FetchEnvironment environment = parts_.fetch_environment(*operation_);
  const Result<void> outcome =
      pipeline::verify_objects(files, environment, operation_->stop_token());
  operation_->note_memory(parts_.budget->peak_bytes());
  parts_.budget->trim();
  return outcome;
}

}  // namespace restored::restore
