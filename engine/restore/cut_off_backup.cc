#include "restore/cut_off_backup.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "backup/make_backup.h"
#include "base/log.h"
#include "base/pause.h"
#include "format/manifest.h"

namespace restored::restore {

Result<std::optional<Error>> end_of_cut_off_backup(EngineParts& parts, const OperationView& view,
                                                   const StoreCall& call) {
  RESTORED_TRY(backup::Repository * repository, parts.repository->get(call));
  const Result<format::Manifest> manifest = repository->manifest(view.backup, call);
  if (!manifest && manifest.error().code == ErrorCode::backup_not_usable) return manifest.error();
  if (!manifest && manifest.error().code != ErrorCode::backup_not_found)
    return std::unexpected(manifest.error());
  if (!manifest) {
    const Result<void> discarded =
        backup::discard_unpublished(*repository, view.database, view.backup, call);
    if (!discarded) {
      log::warning("restore", "backup={} leaves its index in the repository: {}", view.backup.value,
                   discarded.error().message);
    }
    return Error{ErrorCode::shutting_down, "the agent stopped while the backup was being made",
                 "Start it again."};
  }
  // Seen is not durable: it may have been killed before it synced the name.
  RESTORED_TRY(repository->settle(view.backup, call));
  // What is noted saves the next backup some reading, no more: not while another operation works on
  // the database, whose instance may be that one's alone.
  if (const std::optional<Claim> claim = parts.databases.try_claim(view.database)) {
    if (const Result<void> noted = claim->database().note_backup(view.backup); !noted) {
      log::warning("restore", "backup={} is not noted in the catalog: {}", view.backup.value,
                   noted.error().message);
    }
  }
  return std::nullopt;
}

Result<void> CutOffBackup::run() {
  RESTORED_TRY(operation_->pass_point_of_no_return());
  const OperationView view = operation_->view();
  for (;;) {
    Result<std::optional<Error>> ended = end_of_cut_off_backup(parts_, view, operation_->call());
    if (ended && *ended) return std::unexpected(std::move(**ended));
    if (ended) {
      operation_->progress().bytes_done = view.bytes_total;
      operation_->progress().files_done = view.files_total;
      return {};
    }
    if (ended.error().code == ErrorCode::cancelled)
      return std::unexpected(std::move(ended).error());
    operation_->waits_on(
        fmt::format("the repository, which cannot tell whether the backup was "
                    "complete when the agent stopped: {}",
                    ended.error().message));
    if (!pause(std::chrono::seconds(1), operation_->stop_token()))
      return fail(ErrorCode::cancelled, "stopped before the repository could be asked");
  }
}

}  // namespace restored::restore
