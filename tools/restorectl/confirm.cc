#include "confirm.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "lookup.h"

namespace restored::ctl {
namespace {

std::optional<std::string> ask(const std::string& expected, std::string_view consequence) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) return std::nullopt;
  fmt::print(stderr, "{}.\nType {} to go on: ", consequence, expected);
  std::fflush(stderr);
  std::string line;
  std::getline(std::cin, line);
  return line;
}

}  // namespace

Outcome confirm(const std::optional<std::string>& given, const std::vector<std::string>& accepted,
                std::string_view consequence) {
  const auto typed = given ? given : ask(accepted.front(), consequence);
  const std::string remedy = fmt::format("Type --confirm {}.", accepted.front());
  if (!typed) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}, so it wants the target typed once more", consequence), remedy);
  }
  if (std::ranges::find(accepted, *typed) == accepted.end()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("\"{}\" was typed, but the target is {}; nothing was done", *typed,
                            accepted.front()),
                remedy);
  }
  return {};
}

std::vector<std::string> database_spellings(const std::string& typed, const std::string& id) {
  return {typed, id, bare_id(id)};
}

}  // namespace restored::ctl
