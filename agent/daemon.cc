#include "daemon.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "activation.h"
#include "admin_token.h"
#include "base/log.h"
#include "control/server.h"
#include "data/server.h"
#include "endpoints.h"
#include "restored/engine.h"
#include "state_directory.h"

namespace restored::agent {
namespace {

// Blocked before any thread starts, so that only wait_for_signal() receives them.
sigset_t block_stop_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  // Inherited as ignored, it would have the kernel reap our hooks, with the status we wait for.
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

// A client is a descriptor, and so is a table file: take what the operator allows us.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log::warning("agent", "cannot raise the limit of open files above its soft value");
  }
}

// What we make is ours alone: the state, RocksDB's files too. Sockets get their modes one by one.
void keep_files_private() {
  ::umask(S_IRWXG | S_IRWXO);
}

// A dump of our memory would hold the databases' content, and secrets that clients have just sent.
// Nor may other processes of our own user look into it.
void forbid_core_dumps() {
  const rlimit none{};
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    log::warning("agent", "cannot forbid core dumps, which would hold what clients have stored");
  }
}

// A library's exception names no step and no setting: too many threads is "Resource temporarily
// unavailable", a cache that does not fit "std::bad_alloc".
template <class Work>
auto step(std::string_view what, std::string_view settings, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& thrown) {
    return fail(ErrorCode::internal, fmt::format("{}: {}", what, thrown.what()),
                fmt::format("If memory, threads or descriptors ran out, lower {}, or raise the "
                            "unit's limits.",
                            settings));
  }
}

}  // namespace

Result<void> run_daemon(const Config& config, bool new_admin_token) {
  Engine::forget_environment_secrets();
  RESTORED_TRY(std::vector<int> passed, passed_control_sockets());
  const sigset_t stop_signals = block_stop_signals();
  log::set_level(config.log_level);
  raise_descriptor_limit();
  keep_files_private();
  if (!config.core_dumps) forbid_core_dumps();
  RESTORED_TRY(close_state_directory(config.engine.state_directory));

  RESTORED_TRY(std::unique_ptr<Engine> engine,
               step("opening the state directory and the repository",
                    "engine.memory_budget, engine.block_cache and engine.decode_threads",
                    [&] { return Engine::open(config.engine); }));
  RESTORED_TRY(write_admin_token(*engine, config.engine.state_directory, new_admin_token));
  RESTORED_TRY(auto data_server,
               step("starting the Redis port", "data.threads and data.clients_max",
                    [&] { return data::DataServer::start(*engine, data_options(config)); }));
  RESTORED_TRY(control::ControlOptions control, control_options(config, data_server->port()));
  control.inherited_sockets = std::move(passed);
  RESTORED_TRY(auto control_server, step("starting the control server", "data.threads", [&] {
                 return control::ControlServer::start(*engine, std::move(control));
               }));
  control_server->set_ready(true);
  ::sd_notify(0, "READY=1");
  log::info("agent", "ready, data on port {}, state in {}, repository {}", data_server->port(),
            config.engine.state_directory, engine->engine_facts().repository_url);

  int signal_number = 0;
  sigwait(&stop_signals, &signal_number);

  log::info("agent", "stopping on signal {}", signal_number);
  ::sd_notify(0, "STOPPING=1");
  control_server->set_ready(false);
  control_server->stop();
  data_server->stop();
  RESTORED_TRY(engine->close());
  log::info("agent", "stopped");
  return {};
}

}  // namespace restored::agent
