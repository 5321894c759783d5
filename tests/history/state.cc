#include "state.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace restored::history {
namespace {

void mix(std::uint64_t& hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  hash ^= hash >> 29;
}

KeySet absent_keys(const std::vector<ValueIndex>& values) {
  KeySet keys;
  for (std::size_t key = 0; key < values.size(); ++key) keys[key] = values[key] == absent;
  return keys;
}

std::int64_t count(const std::vector<ValueIndex>& values) {
  return std::ranges::count_if(values, [](ValueIndex value) { return value != absent; });
}

}  // namespace

bool State::covers(const State& other) const {
  const bool same_previous =
      previous == other.previous || (previous && other.previous && *previous == *other.previous);
  if (epoch != other.epoch || done != other.done || values != other.values || !same_previous) {
    return false;
  }
  if ((done_unasked & ~other.done_unasked) != 0) return false;
  for (std::size_t client = 0; client < watches.size(); ++client) {
    if (watches[client] == other.watches[client]) continue;
    if (watches[client] < 0 || other.watches[client] != disturbed) return false;
  }
  for (const auto& [client, keys] : other.absent_in_scan) {
    const auto here = absent_in_scan.find(client);
    if (here == absent_in_scan.end() || (keys & ~here->second).any()) return false;
  }
  return true;
}

std::uint64_t State::hash() const {
  std::uint64_t hash = done;
  mix(hash, epoch);
  for (const ValueIndex value : values) mix(hash, value);
  if (!previous) return hash;
  for (const ValueIndex value : *previous) mix(hash, value);
  return hash;
}

bool StateSet::add(State state) {
  const std::uint64_t hash = state.hash();
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto like = begin; like != end; ++like) {
    if (states_[like->second].covers(state)) return false;
  }
  by_hash_.emplace(hash, states_.size());
  states_.push_back(std::move(state));
  return true;
}

void StateSet::prune() {
  std::vector<State> states = std::exchange(states_, {});
  by_hash_.clear();
  // From the last one on, and then again: of two only one can be left.
  for (State& state : std::views::reverse(states)) add(std::move(state));
  states = std::exchange(states_, {});
  by_hash_.clear();
  for (State& state : std::views::reverse(states)) add(std::move(state));
}

State Machine::initial() const {
  State state;
  state.values = history_.initial;
  state.watches.assign(history_.clients, State::watches_nothing);
  state.changed_by.assign(history_.keys.size(), nullptr);
  state.previous_changed_by = state.changed_by;
  return state;
}

void Machine::watching(const NumberedOperation& watch) {
  watched_[watch.operation->client] = watch.keys;
}

bool Machine::happen(std::size_t index, State& state) {
  const NumberedOperation& operation = history_.operations[index];
  if ((sides_.epochs[index] >> state.epoch & 1) == 0) return false;
  using Role = Operation::Role;
  std::int16_t& watch = state.watches[operation.operation->client];
  const auto generation = static_cast<std::int16_t>(history_.generation[state.epoch]);
  // An undo may bring back the generation that was watched; whoever saw another one is disturbed.
  if (watch >= 0 && watch != generation) watch = State::disturbed;
  switch (operation.operation->role) {
    case Role::watch:
      watch = generation;
      return true;
    case Role::aborted:
      watch = State::watches_nothing;
      return true;
    case Role::guarded:
      if (watch == State::disturbed) return false;
      watch = State::watches_nothing;
      break;
    default:
      break;
  }
  for (const NumberedStep& step : operation.steps) {
    if (!take(operation, step, state)) return false;
  }
  return page(operation, state);
}

bool Machine::take(const NumberedOperation& operation, const NumberedStep& step, State& state) {
  const bool known = operation.answered();
  const ValueIndex value = state.values[step.key];
  switch (step.kind) {
    case Step::Kind::read:
      return !known || value == step.answer;
    case Step::Kind::present:
      return !known || value != absent;
    case Step::Kind::count:
      return !known || history_.values.number(step.answer) == count(state.values);
    case Step::Kind::write:
      put(operation, step.key, step.written, state);
      return true;
    case Step::Kind::write_if_absent:
      if (known && (value == absent) != (step.answer != absent)) return false;
      if (value == absent) put(operation, step.key, step.written, state);
      return true;
    case Step::Kind::remove:
      if (known && value != step.answer) return false;
      if (value != absent) put(operation, step.key, absent, state);
      return true;
    case Step::Kind::increment: {
      const auto number = value == absent ? 0 : history_.values.number(value);
      if (!number) return !known;
      const ValueIndex next = history_.values.index(*number + 1);
      if (known && next != step.answer) return false;
      put(operation, step.key, next, state);
      return true;
    }
  }
  return false;
}

void Machine::put(const NumberedOperation& operation, KeyIndex key, ValueIndex value,
                  State& state) const {
  state.values[key] = value;
  state.changed_by[key] = &operation;
  for (const auto& [client, keys] : watched_) {
    std::int16_t& watch = state.watches[client];
    if (watch >= 0 && keys.test(key)) watch = State::disturbed;
  }
  if (value != absent) return;
  for (auto& [client, keys] : state.absent_in_scan) keys.set(key);
}

// A key that was there from the first page of a scan to its last one was named.
bool Machine::page(const NumberedOperation& operation, State& state) const {
  using Role = Operation::Role;
  const Role role = operation.operation->role;
  const std::size_t client = operation.operation->client;
  if (role == Role::first_page) state.absent_in_scan[client] = absent_keys(state.values);
  if (role != Role::last_page && role != Role::only_page) return true;
  KeySet named_or_absent = operation.keys | absent_keys(state.values);
  if (role == Role::last_page) named_or_absent |= state.absent_in_scan[client];
  state.absent_in_scan.erase(client);
  for (std::size_t key = 0; key < state.values.size(); ++key) {
    if (!named_or_absent.test(key)) return false;
  }
  return true;
}

bool Machine::swap(std::size_t index, State& state) const {
  if (state.epoch != index) return false;
  std::vector<ValueIndex> old = std::move(state.values);
  state.values = history_.swaps[index].swap->undo ? *state.previous : history_.swaps[index].content;
  const bool comes_back = index + 1 < history_.swaps.size() && history_.swaps[index + 1].swap->undo;
  state.previous.reset();
  if (comes_back) state.previous = std::make_shared<const std::vector<ValueIndex>>(std::move(old));
  ++state.epoch;
  std::swap(state.changed_by, state.previous_changed_by);
  if (!history_.swaps[index].swap->undo) std::ranges::fill(state.changed_by, nullptr);
  const KeySet missing = absent_keys(state.values);
  for (auto& [client, keys] : state.absent_in_scan) keys |= missing;
  return true;
}

}  // namespace restored::history
