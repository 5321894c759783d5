#include "explanation.h"

#include <fmt/format.h>

#include <algorithm>

namespace restored::history {
namespace {

constexpr std::size_t states_shown = 3;
constexpr std::size_t operations_shown = 8;

std::string epoch_text(const NumberedHistory& history, std::size_t epoch) {
  if (history.swaps.empty()) return "no swap";
  return epoch == 0 ? "before " + history.swaps[0].swap->name
                    : "behind " + history.swaps[epoch - 1].swap->name;
}

// The keys that the answer is about.
KeySet told_keys(const NumberedHistory& history, const NumberedOperation& operation,
                 const State& state) {
  using Role = Operation::Role;
  const Role role = operation.operation->role;
  KeySet keys;
  for (const NumberedStep& step : operation.steps) {
    if (step.kind != Step::Kind::count) keys.set(step.key);
  }
  if (role == Role::guarded) keys |= operation.keys;
  if (role == Role::last_page || role == Role::only_page) {
    for (std::size_t key = 0; key < history.keys.size(); ++key) {
      if (state.values[key] != absent && !operation.keys.test(key)) keys.set(key);
    }
  }
  return keys;
}

std::string state_text(const NumberedHistory& history, const NumberedOperation& operation,
                       const State& state) {
  std::string text = "\n  the database may be " + epoch_text(history, state.epoch) + ":";
  const KeySet keys = told_keys(history, operation, state);
  for (std::size_t key = 0; key < history.keys.size(); ++key) {
    if (!keys.test(key)) continue;
    text += fmt::format("\n    {} = {}, ", history.keys[key],
                        print(history.values.text(state.values[key])));
    const NumberedOperation* by = state.changed_by[key];
    text +=
        by != nullptr ? "last changed by " + print(*by->operation) : "as it was in the beginning";
  }
  return text;
}

// Who wrote the values that were told.
std::string origin_text(const NumberedHistory& history, const NumberedOperation& operation) {
  std::string text;
  for (const NumberedStep& step : operation.steps) {
    if (step.answer == absent || step.kind == Step::Kind::count) continue;
    for (const NumberedOperation& other : history.operations) {
      if (&other == &operation || !other.writes.test(step.key)) continue;
      for (const NumberedStep& written : other.steps) {
        const bool same = written.key == step.key &&
                          (written.kind == Step::Kind::increment ? written.answer == step.answer
                                                                 : written.written == step.answer);
        if (!same) continue;
        text += fmt::format("\n  {} = {} came of {}", history.keys[step.key],
                            print(history.values.text(step.answer)), print(*other.operation));
      }
    }
  }
  return text;
}

// Who disturbed what a transaction watched.
std::string guard_text(const NumberedHistory& history, const NumberedOperation& operation) {
  if (operation.operation->role != Operation::Role::guarded) return {};
  std::string text;
  for (const NumberedOperation& other : history.operations) {
    if (&other == &operation || (other.writes & operation.keys).none()) continue;
    if (other.operation->returned < operation.watched ||
        other.operation->invoked > operation.operation->returned)
      continue;
    text += "\n  a watched key was written by " + print(*other.operation);
  }
  for (const NumberedSwap& swap : history.swaps) {
    if (swap.swap->returned < operation.watched ||
        swap.swap->invoked > operation.operation->returned)
      continue;
    text += "\n  the watched keys were replaced by " + swap.swap->name;
  }
  return text;
}

std::string unfinished_text(const std::vector<const NumberedOperation*>& unfinished) {
  std::string text;
  for (std::size_t i = 0; i < std::min(unfinished.size(), operations_shown); ++i) {
    text += "\n  at the same time: " + print(*unfinished[i]->operation);
  }
  return text;
}

}  // namespace

std::string explain_operation(const NumberedHistory& history, const NumberedOperation& operation,
                              const std::vector<State>& states,
                              const std::vector<const NumberedOperation*>& unfinished) {
  std::string text = "nothing explains " + print(*operation.operation);
  for (std::size_t i = 0; i < std::min(states.size(), states_shown); ++i) {
    text += state_text(history, operation, states[i]);
  }
  if (states.size() > states_shown) {
    text += fmt::format("\n  and {} states more", states.size() - states_shown);
  }
  return text + origin_text(history, operation) + guard_text(history, operation) +
         unfinished_text(unfinished);
}

std::string explain_swap(const NumberedHistory& history, std::size_t swap,
                         const std::vector<const NumberedOperation*>& unfinished) {
  return "no instant of " + history.swaps[swap].swap->name +
         " leaves every operation that surely stands before it before it" +
         unfinished_text(unfinished);
}

}  // namespace restored::history
