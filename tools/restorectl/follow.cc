#include "follow.h"

#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "fields.h"
#include "output.h"
#include "progress.h"

namespace restored::ctl {
namespace {

using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

// Where there is no stream, the agent holds one answer this long: often enough for a lively bar and
// a prompt Ctrl-C.
constexpr seconds poll_every{1};
constexpr seconds answer_deadline{30};
constexpr seconds restart_patience{60};
constexpr int interrupted_status = 130;  // the shell's 128 + SIGINT

volatile std::sig_atomic_t interrupted = 0;

// Notes Ctrl-C while it lives; the second one ends the program at once.
class InterruptNote {
 public:
  InterruptNote() {
    interrupted = 0;
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted = 1; };
    // Restarting, so that it cannot cut off a line that is being written.
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_);
  }
  ~InterruptNote() { sigaction(SIGINT, &before_, nullptr); }
  InterruptNote(const InterruptNote&) = delete;
  InterruptNote& operator=(const InterruptNote&) = delete;

 private:
  struct sigaction before_ = {};
};

std::string how_to_follow(const std::string& operation) {
  return fmt::format(
      "follow it:  restorectl operation wait {0}\ncancel it:  restorectl operation cancel {0}",
      operation);
}

bool agent_is_away(const Failure& failure) {
  return failure.error.code == ErrorCode::connection_failed ||
         failure.error.code == ErrorCode::shutting_down;
}

bool ended(const boost::json::value& operation) {
  const std::string status = text(operation, "status");
  return status == "succeeded" || status == "failed" || status == "cancelled";
}

// Staged, and not committed: nothing happens before somebody says so.
bool is_held(const boost::json::value& operation) {
  return text(operation, "status") == "running" && text(operation, "phase") == "staged" &&
         !text(operation, "heldUntil").empty();
}

// Shows the operation's events until one says that there is nothing more to wait for, the stream
// breaks, or nobody waits any more. False: the agent has no stream for us.
bool listen(const Session& session, const std::string& operation, Progress& progress,
            const Wanted& wanted) {
  bool heard = false;
  const auto take = [&](std::string_view line) {
    heard = true;
    boost::json::error_code error;
    const boost::json::value event = boost::json::parse(line, error);
    const boost::json::value* now = error ? nullptr : find(event, "data");
    if (now == nullptr) return true;  // a heartbeat
    if (ended(*now) || is_held(*now)) return false;
    progress.show(*now);
    return true;
  };
  const Outcome outcome = session.agent.events(operation, "", take, wanted);
  if (outcome) return heard;
  return agent_is_away(outcome.error()) || outcome.error().error.code == ErrorCode::cancelled ||
         heard;
}

Outcome conclude_held(const Session& session, const Answer& answer, Held held) {
  if (!session.print_json(answer)) {
    const std::string id = printable(text(answer.data(), "id"));
    print_line(fmt::format(
        "restore {0} is staged; until {1} it waits for its commit, and the old data serves\n"
        "let it swap:  restorectl operation commit {0}\n"
        "drop it:      restorectl operation cancel {0}",
        id, printable(text(answer.data(), "heldUntil"))));
  }
  if (held == Held::is_the_goal) return {};
  Failure failure{Error{ErrorCode::timed_out, "it waits for its commit", ""}};
  failure.exit_status = held_status;
  failure.quiet = true;
  return std::unexpected(std::move(failure));
}

// "2.0 GiB in 3.4 s (602.4 MiB/s), 12 % of it reused"
std::string work_words(const boost::json::value& operation) {
  const auto done = bytes(operation, "bytesDone");
  std::string words = bytes_text(done);
  const auto elapsed = seconds_between(text(operation, "createdAt"), text(operation, "endedAt"));
  if (elapsed && *elapsed > 0) {
    words += fmt::format(" in {} ({})", seconds_text(*elapsed),
                         rate_text(static_cast<double>(done) / *elapsed));
  }
  if (const auto reused = bytes(operation, "bytesReused"); reused > 0 && done > 0) {
    words += fmt::format(", {:.0f} % of it reused",
                         100.0 * static_cast<double>(reused) / static_cast<double>(done));
  }
  return words;
}

std::string success(const boost::json::value& operation) {
  const std::string kind = text(operation, "kind");
  const std::string database = text(operation, "databaseId");
  const std::string backup = text(operation, "backupId");
  if (kind == "restore") {
    return fmt::format(
        "{} now holds backup {}: {}.\nIts connections and credentials are unchanged.\n"
        "take it back (until its next restore, or the undo time is over):  restorectl undo {} "
        "--confirm {}",
        database, backup, work_words(operation), database, database);
  }
  if (kind == "backup") {
    return fmt::format("backup {} of {} is complete: {}.", backup, database, work_words(operation));
  }
  if (kind == "undo") {
    return fmt::format("{} holds its previous content again; undo once more swaps back.", database);
  }
  if (kind == "verify" && bytes(operation, "bytesTransferred") == 0) {
    return fmt::format("every object of backup {} is there with its size; none was read.", backup);
  }
  if (kind == "verify") {
    return fmt::format("backup {} is whole: {} read and hashed.", backup,
                       bytes_text(bytes(operation, "bytesDone")));
  }
  return fmt::format("operation {} succeeded.", text(operation, "id"));
}

}  // namespace

Answered<Answer> follow(const Session& session, const std::string& operation,
                        std::optional<seconds> patience) {
  const InterruptNote interrupt;
  Progress progress(session.json);
  const auto begin = Clock::now();
  std::optional<Clock::time_point> away_since;
  const auto out_of_patience = [&] { return patience && Clock::now() - begin >= *patience; };
  const Wanted wanted = [&] { return interrupted == 0 && !out_of_patience(); };
  bool streams = true;
  while (true) {
    const auto asked = Clock::now();
    // The events tell when; how it is then, the agent is asked for once more.
    streams = streams && listen(session, operation, progress, wanted);
    const std::string target = fmt::format("/v1/operations/{}/wait?timeout={}", segment(operation),
                                           streams ? 0 : poll_every.count());
    auto answer = session.agent.get(target, answer_deadline);
    if (answer && (ended(answer->data()) || is_held(answer->data()))) return answer;
    if (answer) {
      away_since.reset();
      progress.show(answer->data());
    } else {
      if (!agent_is_away(answer.error())) return answer;
      if (!away_since) {
        away_since = Clock::now();
        progress.note("the agent does not answer; waiting for its restart");
      }
      if (Clock::now() - *away_since > restart_patience) return answer;
    }
    if (interrupted != 0) {
      progress.clear();
      fmt::print(stderr, "interrupted; operation {} goes on\n{}\n", operation,
                 how_to_follow(operation));
      Failure failure{Error{ErrorCode::cancelled, "interrupted", ""}};
      failure.exit_status = interrupted_status;
      failure.quiet = true;
      return std::unexpected(std::move(failure));
    }
    if (out_of_patience()) {
      return fail(
          ErrorCode::timed_out,
          fmt::format("operation {} is still running after {} s", operation, patience->count()),
          fmt::format("It goes on: restorectl operation wait {}.", operation));
    }
    // An agent that is away answers nothing, and one that has no room to wait answers at once.
    std::this_thread::sleep_until(asked + poll_every);
  }
}

Outcome accepted(const Session& session, const Answer& answer, const std::string& sentence,
                 bool wait, Held held) {
  if (wait && !answer.operation_id.empty()) {
    RESTORED_TRY(const auto last, follow(session, answer.operation_id));
    return conclude(session, last, held);
  }
  if (session.print_json(answer)) return {};
  print_line(sentence);
  if (!answer.operation_id.empty()) print_line(how_to_follow(answer.operation_id));
  return {};
}

Outcome conclude(const Session& session, const Answer& answer, Held held) {
  if (is_held(answer.data())) return conclude_held(session, answer, held);
  const auto& operation = answer.data();
  const std::string status = text(operation, "status");
  if (status == "succeeded") {
    if (!session.print_json(answer)) print_line(success(operation));
    return {};
  }
  Error error;
  error.code =
      status == "cancelled" ? ErrorCode::cancelled : code_of(text(operation, "error.code"), 500);
  error.message = fmt::format("{} {} {}", text(operation, "kind"), text(operation, "id"),
                              status == "cancelled" ? "was cancelled" : "failed");
  if (const auto why = text(operation, "error.message"); !why.empty()) error.message += ": " + why;
  error.hint = text(operation, "error.hint");
  Failure failure(std::move(error));
  failure.body = answer.body;
  return std::unexpected(std::move(failure));
}

}  // namespace restored::ctl
