#include "restore/restore_operation.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "backup/file_facts.h"
#include "base/log.h"
#include "base/pause.h"
#include "restore/broken_instance.h"
#include "restore/guarded.h"
#include "restore/local_reuse.h"
#include "restore/operation_hooks.h"
#include "restore/source_check.h"
#include "restore/staged_steps.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;  // progress counters

std::vector<catalog::FileFacts> all_facts(const format::Manifest& manifest) {
  std::vector<catalog::FileFacts> facts;
  facts.reserve(manifest.files.size());
  for (const format::ManifestFile& file : manifest.files) {
    facts.push_back(backup::file_facts(file));
  }
  return facts;
}

// What a setting or the store's permissions keep a restore from.
bool mended_by_the_operator(ErrorCode code) {
  return backup::about_keys(code) || code == ErrorCode::store_misconfigured ||
         code == ErrorCode::store_permission_denied;
}

// Who may not list is told that a backup which was removed is forbidden. That is nothing to wait
// for: all that such a host may read it can, when it can read repository.json.
bool waits_for_the_operator(const EngineParts& parts, const Error& error, const StoreCall& call) {
  if (error.code != ErrorCode::store_permission_denied) return mended_by_the_operator(error.code);
  const auto repository = parts.repository->get(call);
  return !repository || !(*repository)->confirm(call);
}

}  // namespace

RestoreOperation::RestoreOperation(EngineParts& parts, std::shared_ptr<Operation> operation,
                                   RestoreHoldings holdings)
    : parts_(parts),
      operation_(std::move(operation)),
      accepted_(operation_->view()),
      stop_(operation_->stop_token()),
      holdings_(std::move(holdings)) {}

Result<void> RestoreOperation::run() {
  Result<void> outcome = guarded_phases();
  staged_.reset();
  if (!outcome && !operation_->is_cut_off(outcome.error())) {
    abandon(operation_->cause(outcome.error()));
  }
  operation_->note_memory(parts_.budget->peak_bytes());
  parts_.budget->trim();
  return outcome;
}

// Whatever is thrown, what was begun is cleaned up; and after the swap it has succeeded.
Result<void> RestoreOperation::guarded_phases() {
  Result<void> outcome = guarded([this] { return phases(); });
  if (outcome || !swapped_) return outcome;
  note_if_failed(outcome, accepted_.id, "has succeeded, but was cut short");
  note_if_failed(guarded([this] {
                   retire();
                   return Result<void>();
                 }),
                 accepted_.id, "leaves its clean-up to the next start");
  return {};
}

Result<void> RestoreOperation::phases() {
  RESTORED_TRY(validate());
  RESTORED_TRY(reserve());
  RESTORED_TRY(fetch());
  RESTORED_TRY(ingest());
  RESTORED_TRY(verify());
  RESTORED_TRY(hold());
  RESTORED_TRY(swap());
  retire();
  return {};
}

void RestoreOperation::release() {
  parts_.step("restore.run.after-end");
  holdings_.space.reset();
  holdings_.use.release();
  holdings_.claim.release();
}

Result<void> RestoreOperation::validate() {
  if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "stopped before it began");
  if (!holdings_.backup) {
    RESTORED_TRY(operation_->enter(Phase::validate));
    RESTORED_TRY(holdings_.backup, load_again());
  }
  const format::Manifest& manifest = holdings_.backup->manifest;
  pipeline::Progress& progress = operation_->progress();
  progress.bytes_total.store(manifest.content_bytes(), relaxed);
  progress.files_total.store(manifest.files.size(), relaxed);
  return {};
}

// It was accepted, so its backup could be read then: what the agent was started with keeps it from
// that now. To fail would throw away what is staged for a slip of a pen. It waits for the operator,
// who restarts the agent with the right key, or cancels it; the old data is served meanwhile.
Result<backup::LoadedBackup> RestoreOperation::load_again() {
  bool waits = false;
  for (;;) {
    auto loaded =
        load_source(parts_, accepted_.source_database, accepted_.backup, operation_->call());
    if (loaded || !waits_for_the_operator(parts_, loaded.error(), operation_->call())) {
      if (waits) operation_->count_attempt();
      operation_->waits_on("");
      return loaded;
    }
    const std::string reason =
        fmt::format("the operator: {} ({})", loaded.error().message, loaded.error().hint_text());
    if (!waits) {
      log::warning("restore", "operation={} waits for {}", accepted_.id.value, reason);
      note_if_failed(operation_->hold_attempt(), accepted_.id, "counts an attempt too many");
    }
    waits = true;
    const auto wait = [&] {
      operation_->waits_on(reason);
      pause(std::chrono::seconds(limits::repository_retry_seconds), stop_);
    };
    parts_.runner.rest(*operation_, OperationRunner::Turn::queued, wait);
    if (stop_.stop_requested())
      return fail(ErrorCode::cancelled, "stopped while it waited for the operator");
  }
}

Result<void> RestoreOperation::reserve() {
  RESTORED_TRY(operation_->enter(Phase::reserve));
  if (!holdings_.claim.usable()) {
    RESTORED_TRY(replace_broken_instance(parts_, holdings_.claim));
  }
  catalog::Database& database = holdings_.claim.database();
  const format::Manifest& manifest = holdings_.backup->manifest;
  begin_staging();
  if (!holdings_.space) {
    RESTORED_TRY(holdings_.space, reserve_space(parts_, &database, manifest, staging_->present()));
  }
  if (holdings_.space->plan.retire_previous) {
    operation_->waits_on("the files of the previous generation to be gone");
    RESTORED_TRY(make_room(parts_, database, holdings_.space->bytes, stop_));
    operation_->waits_on("");
  }
  parts_.step("restore.run.after-reserve");
  return {};
}

void RestoreOperation::begin_staging() {
  staging_.emplace(parts_.files, parts_.paths.staging(accepted_.database, accepted_.id),
                   accepted_.id, *holdings_.backup);
}

Result<void> RestoreOperation::fetch() {
  RESTORED_TRY(operation_->enter(Phase::fetch));
  Result<void> fetched = fetch_files();
  if (!fetched) {
    RESTORED_TRY(const bool replaced, were_replaced(fetched.error()));
    if (replaced) {
      log::info("restore", "operation={} goes on with objects that were replaced: {}",
                accepted_.id.value, fetched.error().message);
      // As after a restart: what the journal names is hashed, and the rest is fetched.
      pipeline::Progress& progress = operation_->progress();
      for (auto* counter : {&progress.bytes_done, &progress.bytes_reused, &progress.files_done})
        counter->store(0, relaxed);
      begin_staging();
      fetched = fetch_files();
    }
  }
  if (!fetched) {
    return std::unexpected(
        explain_lost(parts_, accepted_.backup, std::move(fetched).error(), operation_->call()));
  }
  RESTORED_TRY(staging_->finish());
  parts_.step("restore.run.after-fetch");
  return {};
}

// Whether objects are not what the backup's index says, or not what they were when the fetch began,
// and can be fetched now. Their content is not taken on trust: each frame has its hash.
Result<bool> RestoreOperation::were_replaced(const Error& error) {
  const bool changed = error.code == ErrorCode::object_changed;
  if (!changed && error.code != ErrorCode::corruption) return false;
  RESTORED_TRY(const bool adopted, adopt_lengths(*parts_.store, operation_->progress(),
                                                 *holdings_.backup, operation_->call()));
  return changed || adopted;
}

Result<void> RestoreOperation::fetch_files() {
  const pipeline::FetchEnvironment environment =
      parts_.fetch_environment(*operation_, operation_->progress());
  RESTORED_TRY(staging_->begin(parts_.step));
  parts_.step("restore.run.after-journal");
  RESTORED_TRY(staging_->check_journalled(environment, stop_));
  const std::vector<std::optional<std::string>> local =
      find_local_files(holdings_.backup->manifest, &holdings_.claim.database());
  RESTORED_TRY(staging_->link_local(local, environment, stop_));
  parts_.step("restore.run.after-links");
  const auto written = [this](std::uint64_t bytes) {
    holdings_.space->reservation.note_written(bytes);
  };
  return staging_->fetch_rest(environment, parts_.step, written, stop_);
}

Result<void> RestoreOperation::ingest() {
  RESTORED_TRY(operation_->enter(Phase::ingest));
  const format::Manifest& manifest = holdings_.backup->manifest;
  const std::vector<catalog::FileFacts> facts = all_facts(manifest);
  RESTORED_TRY(const std::string links, staging_->link_for_import());
  RESTORED_TRY(staged_, holdings_.claim.database().ingest(links, manifest.comparator, facts));
  parts_.step("restore.run.after-ingest");
  return {};
}

Result<void> RestoreOperation::verify() {
  RESTORED_TRY(operation_->enter(Phase::verify));
  const format::Manifest& manifest = holdings_.backup->manifest;
  const catalog::Expectation expected =
      expectation(parts_, manifest.comparator, all_facts(manifest));
  RESTORED_TRY(holdings_.claim.database().verify(*staged_, expected, stop_));
  parts_.step("restore.run.after-verify");
  return {};
}

// Others have its turn meanwhile, and what it needs no more it does not keep: many may hold.
Result<void> RestoreOperation::hold() {
  if (!operation_->holds()) return {};
  staging_.reset();
  holdings_.backup.reset();
  RESTORED_TRY(operation_->hold(parts_.options.hold_seconds));
  log::info("restore", "operation={} is staged and waits for its commit", accepted_.id.value);
  parts_.step("restore.run.after-hold");
  parts_.runner.rest(*operation_, OperationRunner::Turn::at_once,
                     [this] { operation_->wait_commit(); });
  if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "stopped while it was held");
  parts_.step("restore.run.after-commit");
  return {};
}

Result<void> RestoreOperation::swap() {
  RESTORED_TRY(operation_->enter(Phase::swap));
  RESTORED_TRY(ask_before_swap(parts_, *operation_, stop_));
  parts_.step("restore.run.after-hook");
  const catalog::Provenance provenance{"backup", accepted_.source_database, accepted_.backup,
                                       accepted_.id};
  const auto point_of_no_return = [this]() -> Result<void> {
    RESTORED_TRY(operation_->pass_point_of_no_return());
    parts_.step("restore.run.in-gate");
    return {};
  };
  RESTORED_TRY(const catalog::SwapReport report,
               holdings_.claim.database().swap(std::move(staged_), provenance, point_of_no_return));
  swapped_ = true;
  operation_->note_swap(report.gate_closed_seconds);
  parts_.databases.publish(accepted_.database);
  parts_.step("restore.run.after-swap");
  return {};
}

void RestoreOperation::retire() {
  note_if_failed(operation_->enter(Phase::retire), accepted_.id, "cannot record its phase");
  record_database(DatabaseStatus::ready, std::nullopt);
  parts_.step("restore.run.after-database");
  note_if_failed(remove_staged_files(), accepted_.id, "cannot remove its staged files");
  note_if_failed(parts_.files.remove_tree(parts_.paths.broken(accepted_.database)), accepted_.id,
                 "cannot remove the instance that it replaced");
  parts_.step("restore.run.after-cleanup");
}

// Nothing of it stays, a database that could not be opened is what it was, and one that never had
// content says why.
void RestoreOperation::abandon(const Error& cause) {
  staging_.reset();
  note_if_failed(remove_staged_files(), accepted_.id, "cannot remove its staged files");
  if (is_replaced(parts_, accepted_.database)) {
    note_if_failed(put_back_broken_instance(parts_, holdings_.claim), accepted_.id,
                   "cannot put back the instance that it was to replace");
    return;
  }
  const auto record = parts_.registry->database(accepted_.database);
  if (record && record->status != DatabaseStatus::ready) {
    record_database(DatabaseStatus::failure, cause);
    parts_.databases.withhold(holdings_.claim, cause);
  }
}

Result<void> RestoreOperation::remove_staged_files() {
  return parts_.files.remove_tree(parts_.paths.staging(accepted_.database, accepted_.id));
}

void RestoreOperation::record_database(DatabaseStatus status, const std::optional<Error>& failure) {
  record_status(parts_, accepted_.id, accepted_.database, status, failure);
}

}  // namespace restored::restore
