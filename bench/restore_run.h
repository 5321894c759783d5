// One restore, timed, with a client at work: within this process, or in the real daemon.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent_process.h"
#include "client_probe.h"
#include "restored/engine.h"
#include "restored/error.h"

namespace restored::bench {

struct RestoreRun {
  double seconds = 0;  // from the acceptance to the swap
  std::map<std::string, double> phase_seconds;
  double gate_closed_seconds = 0;
  std::uint64_t bytes_reused = 0;
  std::uint64_t peak_lease_bytes = 0;
  std::uint64_t idle_resident_bytes = 0;
  std::uint64_t peak_resident_bytes = 0;
  StageSeconds busy;
  ClientReport without_restore;
  ClientReport during_fetch;
  ClientReport during_swap;  // ingest, verification and swap, and half a second after them

  double added_stall_seconds() const;
};

// What is restored to what, and for how long the client is watched without a restore.
struct RestoreTask {
  DatabaseId database;
  BackupId backup;
  double quiet_seconds = 5;
};

// Both drop the page cache just before the restore.
Result<RestoreRun> run_in_process(Engine& engine, const RestoreTask& task);
Result<RestoreRun> run_in_agent(AgentProcess& agent, const std::string& password,
                                const RestoreTask& task);

}  // namespace restored::bench
