// What a verb returns when it did not work: the error, and the agent's own words for --json.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "restored/error.h"

namespace restored::ctl {

struct Failure {
  Error error;
  std::string body;     // the agent's answer, unchanged; empty when the error is ours
  int exit_status = 0;  // 0: the table's
  bool quiet = false;   // everything has been said already

  Failure(Error cause) : error(std::move(cause)) {}  // NOLINT: Errors turn into Failures
  Failure(Error cause, std::string answer) : error(std::move(cause)), body(std::move(answer)) {}

  int status() const { return exit_status != 0 ? exit_status : facts(error.code).exit_status; }
};

template <class T>
using Answered = std::expected<T, Failure>;
using Outcome = Answered<void>;

}  // namespace restored::ctl
