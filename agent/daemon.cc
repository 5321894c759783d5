#include "daemon.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include <chrono>
#include <memory>
#include <string>

#include "admin_token.h"
#include "base/log.h"
#include "control/server.h"
#include "data/server.h"
#include "endpoints.h"
#include "restored/engine.h"

namespace restored::agent {
namespace {

// Blocked before any thread starts, so that only wait_for_signal() receives them.
sigset_t block_stop_signals() {
  ::signal(SIGPIPE, SIG_IGN);
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

}  // namespace

Result<void> run_daemon(const Config& config, bool new_admin_token) {
  const sigset_t stop_signals = block_stop_signals();
  log::set_level(config.log_level);
  raise_descriptor_limit();

  RESTORED_TRY(std::unique_ptr<Engine> engine, Engine::open(config.engine));
  RESTORED_TRY(write_admin_token(*engine, config.engine.state_directory, new_admin_token));
  RESTORED_TRY(auto data_server, data::DataServer::start(*engine, data_options(config)));
  RESTORED_TRY(control::ControlOptions control, control_options(config, data_server->port()));
  RESTORED_TRY(auto control_server, control::ControlServer::start(*engine, std::move(control)));
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
