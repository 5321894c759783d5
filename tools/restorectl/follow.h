// --wait: an operation until its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "session.h"

namespace restored::ctl {

// What it means that a restore is staged and waits for its commit: what was asked for, or that
// somebody has to do something before it can end.
enum class Held : std::uint8_t { is_the_goal, is_no_end };
inline constexpr int held_status = 75;  // EX_TEMPFAIL, of a verb for which it is no end

// Shows progress until the operation ended, or is held, and returns the agent's last answer about
// it, whatever its outcome. It listens to the operation's events, and asks once a second where they
// cannot be had. An agent that restarts meanwhile is waited for: it continues the
// operation. Errors: timed_out (it goes on); a quiet failure with the shell's status 130 after
// Ctrl-C, when it was said how to follow or cancel the operation, which goes on.
Answered<Answer> follow(const Session& session, const std::string& operation,
                        std::optional<std::chrono::seconds> patience = std::nullopt);

// What an accepted request does next: with `wait` follows its operation and prints how it ended,
// else prints `accepted`, then how to follow it. `answer` is the request's.
// Errors: follow()'s, and the operation's own when it failed or was cancelled.
Outcome accepted(const Session& session, const Answer& answer, const std::string& sentence,
                 bool wait, Held held = Held::is_no_end);

// Prints how an ended operation ended, or how one that is held goes on. Errors: its own, when it
// did not succeed; a quiet failure with held_status.
Outcome conclude(const Session& session, const Answer& answer, Held held = Held::is_no_end);

}  // namespace restored::ctl
