#include "restore/backup_operation.h"

#include <utility>

#include "backup/make_backup.h"
#include "base/log.h"

namespace restored::restore {

BackupOperation::BackupOperation(EngineParts& parts, std::shared_ptr<Operation> operation,
                                 Claim claim)
    : parts_(parts),
      operation_(std::move(operation)),
      accepted_(operation_->view()),
      claim_(std::move(claim)) {}

Result<void> BackupOperation::run() {
  Result<void> outcome = make();
  const std::string directory = parts_.paths.staging(accepted_.database, accepted_.id);
  if (const Result<void> removed = parts_.files.remove_tree(directory); !removed) {
    log::warning("backup", "operation={} cannot remove its links: {}", accepted_.id.value,
                 removed.error().message);
  }
  parts_.step("backup.make.after-cleanup");
  operation_->note_memory(parts_.budget->peak_bytes());
  parts_.budget->trim();
  return outcome;
}

Result<void> BackupOperation::make() {
  const std::stop_token stop = operation_->stop_token();
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped before it began");
  RESTORED_TRY(use_, parts_.uses.read(accepted_.backup));

  const std::string directory = parts_.paths.staging(accepted_.database, accepted_.id);
  RESTORED_TRY(parts_.files.make_directories(directory));
  backup::BackupRequest request;
  request.id = accepted_.backup;
  request.database = accepted_.database;
  const auto record = parts_.registry->database(accepted_.database);
  request.database_name = record ? record->name : "";
  request.name = operation_->backup_name();
  request.scheduled = accepted_.principal == schedule_principal;
  request.created_at = accepted_.created_at;
  request.agent_version = agent_version();
  request.export_directory = directory + "/export";

  RESTORED_TRY(backup::Repository * repository, parts_.repository->current(operation_->call()));
  const backup::BackupEnvironment environment{*repository,
                                              claim_.database(),
                                              parts_.files,
                                              *parts_.budget,
                                              operation_->progress(),
                                              parts_.decode_threads(),
                                              parts_.options.compression_level,
                                              parts_.collection_times};
  const backup::BackupWatcher watcher{[this](Phase phase) { return operation_->enter(phase); },
                                      [this] { return operation_->pass_point_of_no_return(); },
                                      [this](std::string_view what) { operation_->waits_on(what); },
                                      [this](std::string_view step) { parts_.step(step); }};
  RESTORED_TRY(backup::make_backup(request, environment, watcher, operation_->call()));
  // Only makes the next backup faster: its failure does not undo this one.
  if (const Result<void> noted = claim_.database().note_backup(accepted_.backup); !noted) {
    log::warning("backup", "operation={} cannot note backup={} in the catalog: {}",
                 accepted_.id.value, accepted_.backup.value, noted.error().message);
  }
  parts_.step("backup.make.after-note");
  return {};
}

void BackupOperation::release() {
  parts_.step("backup.make.after-end");
  use_.release();
  claim_.release();
}

}  // namespace restored::restore
