// restored: the command line, and nothing else.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "config/config.h"
#include "daemon.h"

namespace restored::agent {
namespace {

int report(const Error& error) {
  fmt::print(stderr, "restored: {}\n", error.message);
  if (!error.hint_text().empty()) fmt::print(stderr, "hint: {}\n", error.hint_text());
  return facts(error.code).exit_status;
}

struct Flags {
  std::string config_path;
  std::string state;
  std::string repository;
  std::vector<std::string> control;
  std::string listen;
  bool new_admin_token = false;
  bool check = false;
};

Result<Config> load(const Flags& flags) {
  Config config = default_config();
  std::error_code ignored;
  if (!flags.config_path.empty()) {
    RESTORED_TRY(apply_file(flags.config_path, config));
  } else if (std::filesystem::exists(default_config_path, ignored)) {
    RESTORED_TRY(apply_file(std::string(default_config_path), config));
  }
  if (!flags.state.empty()) config.engine.state_directory = flags.state;
  if (!flags.repository.empty()) config.engine.repository_url = flags.repository;
  if (!flags.control.empty()) config.control_listen = flags.control;
  if (!flags.listen.empty()) config.data_listen = flags.listen;
  if (config.engine.repository_url.empty()) {
    config.engine.repository_url = "file://" + config.engine.state_directory + "/backups";
  }
  RESTORED_TRY(validate(config));
  return config;
}

int run(int argc, char** argv) {
  Flags flags;
  CLI::App app{
      "restored: replaces live databases with backups while clients stay connected.\n"
      "Everything has a default; the file and then the flags go over it."};
  app.set_version_flag("--version", std::string("restored ") + RESTORED_VERSION);
  app.add_option("--config", flags.config_path,
                 fmt::format("configuration file (TOML) [{} if it exists]", default_config_path));
  app.add_option("--state", flags.state, "state directory [/var/lib/restored]");
  app.add_option("--repository", flags.repository,
                 "where backups live: file:///DIRECTORY or s3://BUCKET/PREFIX "
                 "[file://, DIRECTORY = backups below the state]");
  app.add_option("--control", flags.control,
                 "control address, may be repeated: unix:PATH or tcp:HOST:PORT "
                 "[unix:/run/restored/control.sock]");
  app.add_option("--listen", flags.listen, "Redis protocol: HOST:PORT [127.0.0.1:6379]");
  app.add_flag("--check", flags.check,
               "check the configuration and the keys and hooks that it names (not the repository: "
               "restorectl repository check does that) and leave");
  app.add_flag("--new-admin-token", flags.new_admin_token,
               "make a new administrator's token in <state>/admin.token and revoke the old one");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 64;
  }
  const Result<Config> config = load(flags);
  if (!config) return report(config.error());
  if (flags.check) {
    Result<void> usable = Engine::check_keys(config->engine.encryption);
    if (usable) usable = Engine::check_hooks(config->engine.hooks);
    return usable ? 0 : report(usable.error());
  }
  const Result<void> outcome = run_daemon(*config, flags.new_admin_token);
  return outcome ? 0 : report(outcome.error());
}

}  // namespace
}  // namespace restored::agent

int main(int argc, char** argv) {
  try {
    return restored::agent::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "restored: stopped by an exception outside of any step: {}\n", error.what());
    return 70;
  }
}
