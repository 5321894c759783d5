#include "hook/hooks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "base/clock.h"
#include "base/utf8.h"
#include "hook/child_program.h"
#include "restored/limits.h"

namespace restored::hook {
namespace {

namespace json = boost::json;

constexpr std::string_view search_path =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::unexpected<Error> refuse(HookEvent event, const std::string& path, std::string_view what) {
  return fail(ErrorCode::invalid_configuration,
              fmt::format("hooks.{} names {}, which {}", name(event), printable(path, 200), what),
              "A hook is an executable file that not everybody may write to.");
}

Result<void> check_one(const HookOptions& options, HookEvent event) {
  const std::string& path = program_of(options, event);
  if (path.empty()) return {};
  if (!path.starts_with('/')) return refuse(event, path, "is no absolute path");
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) {
    return refuse(event, path, "cannot be found: " + std::generic_category().message(errno));
  }
  if (!S_ISREG(facts.st_mode)) return refuse(event, path, "is not a regular file");
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) {
    return refuse(event, path, "this user may not execute");
  }
  if ((facts.st_mode & S_IWOTH) != 0) return refuse(event, path, "everybody may write to");
  return {};
}

template <class Tag>
json::value id_or_null(const Id<Tag>& id, std::string_view prefix) {
  if (id.empty()) return nullptr;
  return json::value(fmt::format("{}{}", prefix, id.value));
}

json::string words(std::string_view text) {
  return json::string(text);
}

// Members of the control API's Operation, under the same names.
std::string document(HookEvent event, const OperationView& view) {
  json::value error = nullptr;
  if (view.error) {
    error = json::object{{"code", words(facts(view.error->code).wire)},
                         {"message", to_utf8(view.error->message)},
                         {"hint", to_utf8(view.error->hint_text())}};
  }
  return json::serialize(json::object{{"event", words(name(event))},
                                      {"id", view.id.value},
                                      {"kind", words(name(view.kind))},
                                      {"status", words(name(view.state))},
                                      {"phase", words(name(view.phase))},
                                      {"databaseId", id_or_null(view.database, "db_")},
                                      {"sourceDatabaseId", id_or_null(view.source_database, "db_")},
                                      {"backupId", id_or_null(view.backup, "")},
                                      {"bytesTotal", view.bytes_total},
                                      {"filesTotal", view.files_total},
                                      {"swapPauseSeconds", view.swap_pause_seconds},
                                      {"attempts", view.attempts},
                                      {"error", std::move(error)},
                                      {"principal", to_utf8(view.principal)},
                                      {"createdAt", iso8601(view.created_at)}}) +
         "\n";
}

std::string sentence_of(const ProgramEnd& end, std::uint64_t seconds) {
  if (end.stopped) return "was stopped";
  if (end.timed_out) return fmt::format("did not end within {} s", seconds);
  if (end.exit_status) return fmt::format("ended with exit status {}", *end.exit_status);
  return fmt::format("ended by signal {}", end.signal);
}

}  // namespace

Result<void> check(const HookOptions& options) {
  for (const HookEvent event : {HookEvent::before_swap, HookEvent::after_swap, HookEvent::failed}) {
    RESTORED_TRY(check_one(options, event));
  }
  if (options.seconds >= 1 && options.seconds <= limits::hook_seconds_max) return {};
  return fail(ErrorCode::invalid_configuration,
              fmt::format("hooks.timeout_seconds must be from 1 to {}", limits::hook_seconds_max));
}

const std::string& program_of(const HookOptions& options, HookEvent event) {
  switch (event) {
    case HookEvent::before_swap:
      return options.before_swap;
    case HookEvent::after_swap:
      return options.after_swap;
    case HookEvent::failed:
      break;
  }
  return options.failed;
}

HookEnd run(const HookOptions& options, HookEvent event, const OperationView& view,
            const std::stop_token& stop) {
  Program program;
  program.path = program_of(options, event);
  program.environment = {std::string(search_path), fmt::format("RESTORED_HOOK={}", name(event))};
  program.input = document(event, view);
  program.time = std::chrono::seconds(options.seconds);
  // The last character may need as many bytes more.
  program.output_bytes_max = limits::hook_output_bytes_max + 4;
  HookEnd end;
  end.result.event = event;
  const Result<ProgramEnd> ended = run_program(program, stop);
  if (!ended) {
    end.sentence = "was not started";
    end.result.output = printable(ended.error().message, limits::hook_output_bytes_max);
    return end;
  }
  end.stopped = ended->stopped;
  end.sentence = sentence_of(*ended, options.seconds);
  end.result.exit_status = ended->exit_status;
  end.result.seconds = ended->seconds;
  end.result.timed_out = ended->timed_out;
  end.result.output = kept_text(ended->output, limits::hook_output_bytes_max);
  return end;
}

std::string kept_text(std::string_view output, std::size_t bytes_max) {
  std::string kept;
  while (!output.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(output);
    std::string_view character = output.substr(0, bytes == 0 ? 1 : bytes);
    output.remove_prefix(character.size());
    const bool layout = character == "\n" || character == "\t";
    if (bytes == 0) {
      character = "?";
    } else if (is_control_character(character) && !layout) {
      character = " ";
    }
    if (kept.size() + character.size() > bytes_max) break;
    kept += character;
  }
  while (kept.ends_with('\n')) kept.pop_back();
  return kept;
}

}  // namespace restored::hook
