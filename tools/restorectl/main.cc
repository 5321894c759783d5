// restorectl: the operator's command line. Parses, asks the agent, prints; knows no engine.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <system_error>

#include "session.h"

namespace restored::ctl {
namespace {

constexpr const char* token_file_default = "/var/lib/restored/admin.token";
constexpr const char* program_version = RESTORED_VERSION;

struct Settings {
  std::string control{default_control};
  std::string token_file = token_file_default;
  bool json = false;
};

Result<std::string> read_token(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  std::string token;
  if (file && (file >> token)) return token;
  const int cause = errno;
  const char* hint = "Give the file with --token-file or RESTORED_TOKEN_FILE.";
  if (file.is_open()) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} holds no token", path), hint);
  }
  const auto code = cause == EACCES ? ErrorCode::permission_denied : ErrorCode::file_not_found;
  return fail(
      code,
      fmt::format("cannot read the token in {}: {}", path, std::generic_category().message(cause)),
      hint);
}

Outcome run(const Settings& settings, const Verbs& verbs) {
  if (verbs.offline) return verbs.offline(settings.json);
  RESTORED_TRY(auto address, parse_address(settings.control));
  RESTORED_TRY(auto token, read_token(settings.token_file));
  return verbs.chosen(Session{Agent(std::move(address), std::move(token)), settings.json});
}

// Errors of our own take the agent's form under --json, so that a script reads one form.
std::string as_body(const Error& error) {
  boost::json::object inner{{"code", facts(error.code).wire}, {"message", error.message}};
  if (!error.hint_text().empty()) inner["hint"] = error.hint_text();
  return boost::json::serialize(boost::json::object{{"error", std::move(inner)}});
}

int report(const Failure& failure, bool json) {
  if (failure.quiet) return failure.status();
  if (json) {
    const std::string body = failure.body.empty() ? as_body(failure.error) : failure.body;
    fmt::print(stdout, "{}{}", body, body.ends_with('\n') ? "" : "\n");
    std::fflush(stdout);
  }
  fmt::print(stderr, "error: {}\n", failure.error.message);
  if (const auto hint = failure.error.hint_text(); !hint.empty()) {
    fmt::print(stderr, "hint: {}\n", hint);
  }
  return failure.status();
}

// The innermost verb that was named, for "restorectl database create --help".
std::string named_verb(const CLI::App& app) {
  std::string words = app.get_name();
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    words += " " + at->get_name();
  }
  return words;
}

int parse_failure(const CLI::App& app, const CLI::ParseError& error, bool json) {
  // --help and --version come as exceptions too; they are printed, and are no errors.
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
  return report(Failure(Error{ErrorCode::invalid_argument, error.what(),
                              fmt::format("See {} --help.", named_verb(app))}),
                json);
}

int program(int argc, char** argv) {
  CLI::App app("Talks to restored, the restore daemon, on this host", "restorectl");
  Settings settings;
  app.fallthrough();  // the options of the whole stand behind a verb as well
  app.require_subcommand(1);
  app.set_version_flag("--version", program_version);
  app.add_option("--control", settings.control, "unix:PATH or tcp:HOST:PORT of the agent")
      ->envname("RESTORED_CONTROL")
      ->capture_default_str();
  app.add_option("--token-file", settings.token_file, "File that holds the token")
      ->envname("RESTORED_TOKEN_FILE")
      ->capture_default_str();
  app.add_flag("--json", settings.json, "Print the agent's bodies unchanged");
  app.footer(
      "\nExample:\n  restorectl database list\n\nrestorectl VERB --help has one for each.\n\n"
      "What is asked for is carried out once: each request that makes something has an\n"
      "Idempotency-Key, and is sent once more when its connection breaks.");

  Verbs verbs{app, {}, {}};
  add_database_verbs(verbs);
  add_connection_verbs(verbs);
  add_backup_verbs(verbs);
  add_restore_verb(verbs);
  add_undo_verb(verbs);
  add_repository_verbs(verbs);
  add_operation_verbs(verbs);
  add_limit_verbs(verbs);
  add_token_verbs(verbs);
  add_whoami_verb(verbs);
  add_audit_verb(verbs);
  add_info_verb(verbs);
  add_completion_verb(verbs);
  add_manual_verb(verbs);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return parse_failure(app, error, settings.json);
  }
  const auto outcome = run(settings, verbs);
  const int status = outcome ? 0 : report(outcome.error(), settings.json);
  if (std::fflush(stdout) != 0 && status == 0) {
    return report(Failure(Error{ErrorCode::io_error, "cannot write to standard output", ""}),
                  false);
  }
  return status;
}

}  // namespace
}  // namespace restored::ctl

int main(int argc, char** argv) {
  try {
    return restored::ctl::program(argc, argv);
  } catch (const std::exception& error) {
    // Libraries may throw (memory, a terminal that went away); nothing of ours does.
    std::fprintf(stderr, "error: %s\n", error.what());
    return restored::facts(restored::ErrorCode::internal).exit_status;
  }
}
