#include "restore/give_way.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/pause.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

using std::chrono::milliseconds;

// Between the claim and the record of a backup that is being accepted.
constexpr milliseconds record_wait(10);

Error reason(const OperationId& operation, OperationKind kind) {
  return {ErrorCode::cancelled,
          fmt::format("this scheduled backup gave way to operation {} ({})", operation.value,
                      name(kind)),
          "The schedule makes it once the database is free."};
}

// Asks the backup to end, and waits for that.
void wait_out(EngineParts& parts, Operation& backup, const Error& why, milliseconds longest) {
  const Result<OperationView> told = backup.cancel(why);
  // Past its point of no return, or ended: that it ends is a matter of moments.
  log::info("schedule", "database={} operation={}: {}{}", backup.view().database.value,
            backup.id().value, why.message, told ? "" : ": " + told.error().message);
  backup.wait(longest, parts.stopping.get_token());
}

}  // namespace

bool by_schedule(const OperationView& view) {
  return view.kind == OperationKind::backup && view.principal == schedule_principal;
}

bool gives_way(const EngineParts& parts, const Working& working) {
  if (working.kind != OperationKind::backup) return false;
  const auto found = parts.operations->find(working.operation);
  return found && by_schedule((*found)->view());
}

bool gave_way(const OperationView& view) {
  return by_schedule(view) && view.state == OperationState::cancelled && view.error.has_value();
}

Result<Claim> claim_over_schedule(EngineParts& parts, const DatabaseId& id,
                                  const OperationId& operation, OperationKind kind,
                                  milliseconds longest,
                                  const std::function<Result<void>()>& check) {
  const auto end = parts.clock.monotonic() + longest;
  bool checked = false;
  while (true) {
    Result<Claim> claim = parts.databases.claim(id, operation, kind);
    if (claim || claim.error().code != ErrorCode::database_busy) return claim;
    const auto left = [&] {
      return std::chrono::duration_cast<milliseconds>(end - parts.clock.monotonic());
    };
    if (left() <= milliseconds(0) || parts.stopping.stop_requested()) return claim;
    const std::optional<Working> working = parts.databases.working(id);
    if (!working) continue;  // it has ended since
    const auto found = parts.operations->find(working->operation);
    if (!found) {
      pause(std::min(record_wait, left()), parts.stopping.get_token());
      continue;
    }
    if (!by_schedule((*found)->view())) return claim;
    if (!checked) RESTORED_TRY(check());
    checked = true;
    if (left() <= milliseconds(0)) return claim;
    wait_out(parts, **found, reason(operation, kind), left());
  }
}

}  // namespace restored::restore
