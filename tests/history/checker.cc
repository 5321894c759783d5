#include "checker.h"

#include <algorithm>
#include <utility>

#include "numbered.h"
#include "search.h"
#include "sides.h"

namespace restored::history {
namespace {

Verdict refused(std::string message) {
  return {Verdict::Kind::refused, std::move(message), {}, 0};
}

bool overlap(Moment begin, Moment end, Moment other_begin, Moment other_end) {
  return begin <= other_end && other_begin <= end;
}

// Operations by the keys that they may have written.
std::vector<std::vector<const NumberedOperation*>> writers_by_key(const NumberedHistory& history) {
  std::vector<std::vector<const NumberedOperation*>> writers(history.keys.size());
  for (const NumberedOperation& operation : history.operations) {
    for (std::size_t key = 0; key < writers.size(); ++key) {
      if (operation.writes.test(key)) writers[key].push_back(&operation);
    }
  }
  return writers;
}

// Of a refused EXEC: empty when something may have disturbed its WATCH.
std::string needless_refusal(const NumberedHistory& history, const NumberedOperation& operation,
                             const std::vector<std::vector<const NumberedOperation*>>& writers) {
  const Moment begin = operation.watched;
  const Moment end = operation.operation->returned;
  for (const NumberedSwap& swap : history.swaps) {
    if (overlap(begin, end, swap.swap->invoked, swap.swap->returned)) return {};
  }
  for (std::size_t key = 0; key < writers.size(); ++key) {
    if (!operation.keys.test(key)) continue;
    for (const NumberedOperation* writer : writers[key]) {
      const Operation& other = *writer->operation;
      if (overlap(begin, end, other.invoked, other.returned)) return {};
    }
  }
  return "nothing disturbed the WATCH of " + print(*operation.operation);
}

std::string needless_refusal(const NumberedHistory& history) {
  const auto writers = writers_by_key(history);
  for (const NumberedOperation& operation : history.operations) {
    if (operation.operation->role != Operation::Role::aborted) continue;
    std::string message = needless_refusal(history, operation, writers);
    if (!message.empty()) return message;
  }
  return {};
}

}  // namespace

Verdict check(const History& history) {
  for (const Operation& operation : history.operations) {
    if (!operation.error.empty()) return refused("an error was the answer: " + print(operation));
  }
  NumberedHistory numbered = number(history);
  if (std::string message = needless_refusal(numbered); !message.empty()) {
    return refused(std::move(message));
  }
  const Sides sides = find_sides(numbered);
  if (!sides.contradiction.empty()) return refused(sides.contradiction);
  SearchResult found = search(numbered, sides);
  Verdict verdict;
  verdict.kind = found.explained ? Verdict::Kind::explained
                 : found.gave_up ? Verdict::Kind::undecided
                                 : Verdict::Kind::refused;
  verdict.message = std::move(found.message);
  verdict.states = found.states;
  for (const SwapBounds& bounds : sides.swaps)
    verdict.swap_widths.push_back(bounds.end - bounds.begin);
  return verdict;
}

}  // namespace restored::history
