#include "restore_run.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "machine.h"
#include "memory_watch.h"

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;

// What one look at a running restore tells.
struct Look {
  std::string phase;
  bool ended = false;
  std::optional<Error> error;
};

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// Watches a restore that has been accepted to its end, and cuts the client's report at its phases.
Result<void> watch(ClientProbe& probe, const std::function<Result<Look>()>& look,
                   std::chrono::microseconds interval, RestoreRun& run) {
  static const std::set<std::string> swapping{"ingest", "verify", "swap"};
  const auto begin = Clock::now();
  auto phase_begin = begin;
  std::string phase = "fetch";
  bool fetching = true;
  bool swapped = false;
  while (true) {
    RESTORED_TRY(const Look seen, look());
    const auto now = Clock::now();
    if (fetching && (swapping.contains(seen.phase) || seen.ended)) {
      run.during_fetch = probe.take();
      fetching = false;
    }
    const bool past_swap = seen.ended || seen.phase == "retire" || seen.phase == "done";
    if (past_swap && !std::exchange(swapped, true)) run.seconds = seconds_between(begin, now);
    if (seen.phase != phase || seen.ended) {
      run.phase_seconds[phase] += seconds_between(phase_begin, now);
      phase = seen.phase;
      phase_begin = now;
    }
    if (seen.error) return std::unexpected(*seen.error);
    if (seen.ended) break;
    std::this_thread::sleep_for(interval);  // between two looks
  }
  sleep_seconds(0.5);
  run.during_swap = probe.take();
  return {};
}

Result<RestoreRun> run(std::unique_ptr<Client> client, pid_t process, const RestoreTask& task,
                       const std::function<Result<void>()>& start,
                       const std::function<Result<Look>()>& look,
                       std::chrono::microseconds interval) {
  RestoreRun result;
  ClientProbe probe(std::move(client));
  settle();
  probe.take();
  sleep_seconds(task.quiet_seconds);
  result.without_restore = probe.take();
  result.idle_resident_bytes = resident_bytes(process);
  const MemoryWatch memory(process);
  drop_page_cache();
  probe.take();
  RESTORED_TRY(start());
  RESTORED_TRY(watch(probe, look, interval, result));
  result.peak_resident_bytes = memory.peak_bytes();
  for (const ClientReport* report :
       {&result.without_restore, &result.during_fetch, &result.during_swap}) {
    if (report->failures == 0) continue;
    return fail(ErrorCode::connection_failed,
                fmt::format("{} of the client's requests failed, the first one with: {}",
                            report->failures, report->first_failure));
  }
  return result;
}

}  // namespace

double RestoreRun::added_stall_seconds() const {
  return std::max(0.0, during_swap.longest_seconds() - without_restore.longest_seconds());
}

Result<RestoreRun> run_in_process(Engine& engine, const RestoreTask& task) {
  OperationId id;
  const auto start = [&]() -> Result<void> {
    RESTORED_TRY(const OperationView started,
                 engine.start_restore({task.database, {}, task.backup, "restore-bench"}));
    id = started.id;
    return {};
  };
  OperationView last;
  const auto look = [&]() -> Result<Look> {
    RESTORED_TRY(last, engine.operation(id));
    return Look{std::string(name(last.phase)), last.state != OperationState::running, last.error};
  };
  RESTORED_TRY(RestoreRun result, run(local_client(engine.keyspace(task.database)), ::getpid(),
                                      task, start, look, std::chrono::milliseconds(5)));
  result.gate_closed_seconds = last.swap_pause_seconds;
  result.bytes_reused = last.bytes_reused;
  result.peak_lease_bytes = last.peak_memory_bytes;
  result.busy = last.busy;
  return result;
}

Result<RestoreRun> run_in_agent(AgentProcess& agent, const std::string& password,
                                const RestoreTask& task) {
  OperationId id;
  const auto start = [&]() -> Result<void> {
    RESTORED_TRY(id, agent.start_restore(task.database, task.backup));
    return {};
  };
  boost::json::object last;
  const auto look = [&]() -> Result<Look> {
    RESTORED_TRY(last, agent.operation(id));
    Look seen{std::string(last.at("phase").as_string()), last.at("status").as_string() != "running",
              std::nullopt};
    if (seen.ended && last.at("status").as_string() != "succeeded") {
      seen.error = Error{ErrorCode::internal, boost::json::serialize(last), {}};
    }
    return seen;
  };
  RESTORED_TRY(auto client, socket_client(agent.port(), password));
  RESTORED_TRY(RestoreRun result, run(std::move(client), agent.pid(), task, start, look,
                                      std::chrono::milliseconds(5)));
  result.gate_closed_seconds = last.at("swapPauseSeconds").to_number<double>();
  result.bytes_reused = last.at("bytesReused").to_number<std::uint64_t>();
  result.peak_lease_bytes = last.at("peakMemoryBytes").to_number<std::uint64_t>();
  const auto& busy = last.at("busySeconds").as_object();
  result.busy.fetch = busy.at("fetch").to_number<double>();
  result.busy.decode = busy.at("decode").to_number<double>();
  result.busy.write = busy.at("write").to_number<double>();
  return result;
}

}  // namespace restored::bench
