#include "history.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace restored::history {
namespace {

constexpr std::array<std::string_view, 7> verbs = {"GET",  "SET",  "SET NX", "GETDEL",
                                                   "INCR", "SCAN", "DBSIZE"};

std::string keys_text(const Operation& operation) {
  std::string text;
  for (const std::string& key : operation.keys) text += " " + key;
  return text;
}

std::string steps_text(const Operation& operation) {
  std::string text;
  for (const Step& step : operation.steps) text += (text.empty() ? "" : "; ") + print(step);
  return text;
}

std::string what(const Operation& operation) {
  switch (operation.role) {
    case Operation::Role::watch:
      return "WATCH" + keys_text(operation);
    case Operation::Role::guarded:
      return "EXEC after WATCH: " + steps_text(operation);
    case Operation::Role::aborted:
      return "EXEC after WATCH, refused";
    case Operation::Role::last_page:
    case Operation::Role::only_page:
      return "end of a SCAN that named" + keys_text(operation);
    case Operation::Role::command:
    case Operation::Role::first_page:
    case Operation::Role::middle_page:
      break;
  }
  return steps_text(operation);
}

}  // namespace

std::string name(const Operation& operation) {
  return fmt::format("c{}#{}", operation.client, operation.index);
}

std::string print(const Value& value) {
  return value ? "\"" + *value + "\"" : "nothing";
}

std::string print(const Step& step) {
  std::string text(verbs.at(static_cast<std::size_t>(step.kind)));
  if (!step.key.empty()) text += " " + step.key;
  if (!step.written.empty()) text += " " + step.written;
  if (step.kind == Step::Kind::write || step.kind == Step::Kind::present) return text;
  return text + " -> " + print(step.answer);
}

std::string print(const Operation& operation) {
  const auto microseconds = [](Moment moment) { return static_cast<double>(moment) / 1000; };
  const std::string end = operation.answered()
                              ? fmt::format("{:.3f}", microseconds(operation.returned))
                              : std::string("no answer");
  std::string text = fmt::format("{} [{:.3f}..{}] {}", name(operation),
                                 microseconds(operation.invoked), end, what(operation));
  if (!operation.error.empty()) text += " (error: " + operation.error + ")";
  return text;
}

}  // namespace restored::history
