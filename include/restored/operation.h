// One attempt at a backup, restore, undo or verification, as users see it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "restored/error.h"
#include "restored/ids.h"
#include "restored/units.h"

namespace restored {

enum class OperationKind : std::uint8_t { backup, restore, undo, verify };
enum class OperationState : std::uint8_t { running, succeeded, failed, cancelled };

// A restore passes validate, reserve, fetch, ingest, verify, (staged,) swap, retire; a backup
// passes validate, export_files, upload, commit; a verification validate, read. Staged is a restore
// that holds: everything is there, and the swap waits for its commit.
enum class Phase : std::uint8_t {
  validate,
  reserve,
  fetch,
  ingest,
  verify,
  staged,
  swap,
  retire,
  export_files,
  upload,
  commit,
  read,
  done,
};

// How a verification looks at a backup: full reads and hashes every frame, fast asks whether every
// object is there with its size.
enum class VerifyDepth : std::uint8_t { full, fast };

std::string_view name(OperationKind kind);    // "restore"
std::string_view name(OperationState state);  // "running"
std::string_view name(Phase phase);           // "fetch", "export"
std::optional<OperationKind> operation_kind(std::string_view text);
std::optional<OperationState> operation_state(std::string_view text);
std::optional<Phase> phase(std::string_view text);

// When an operator's program is run (hook_options.h).
enum class HookEvent : std::uint8_t { before_swap, after_swap, failed };
std::string_view name(HookEvent event);  // "before_swap"
std::optional<HookEvent> hook_event(std::string_view text);

// What became of it. No exit status: it was not started, or ended by a signal.
struct HookResult {
  HookEvent event = HookEvent::before_swap;
  std::optional<int> exit_status;
  double seconds = 0;
  std::string output;  // UTF-8, the beginning of what it wrote; or why it was not started
  bool timed_out = false;
};

// Sum of the time that the stage's threads worked (not waited), in seconds.
struct StageSeconds {
  double fetch = 0;
  double decode = 0;
  double write = 0;
  double encode = 0;
  double store = 0;
};

struct OperationView {
  OperationId id;
  OperationKind kind = OperationKind::restore;
  OperationState state = OperationState::running;
  Phase phase = Phase::validate;
  DatabaseId database;         // target of a restore, source of a backup
  DatabaseId source_database;  // restore only
  BackupId backup;
  std::uint64_t bytes_done = 0;  // content bytes written (restore), read (backup, verify)
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_reused = 0;       // of bytes_done: taken from this host, or already stored
  std::uint64_t bytes_transferred = 0;  // stored bytes read from or written to the repository
  std::uint64_t files_done = 0;
  std::uint64_t files_total = 0;
  double bytes_per_second = 0;
  std::optional<double> eta_seconds;
  std::uint32_t attempts = 1;  // 1 + number of times an agent's restart continued it
  std::optional<Error> error;
  std::string waiting_on;  // empty: it is working
  std::optional<UnixMillis> waiting_since;
  std::uint32_t waiting_attempts = 0;  // how often it was tried, with waiting_on; 0: not counted
  std::uint64_t bandwidth_bytes_per_second = 0;  // its own limit; 0: none
  std::optional<std::uint32_t> queue_position;   // while it waits for its turn; 1: the next
  std::optional<UnixMillis> held_until;  // a restore that holds, or is to hold again: then it fails
  std::vector<HookResult> hooks;         // the last one of each event, by the time of running
  StageSeconds busy;
  std::uint64_t peak_memory_bytes = 0;  // of leases
  double swap_pause_seconds = 0;        // gate closed
  bool may_cancel = false;
  std::string principal;
  UnixMillis created_at = 0;
  UnixMillis updated_at = 0;
  std::optional<UnixMillis> ended_at;
};

}  // namespace restored
