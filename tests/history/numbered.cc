#include "numbered.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace restored::history {
namespace {

class Numbering {
 public:
  explicit Numbering(const History& history) : history_(history) {}

  NumberedHistory make() {
    collect_keys();
    result_.initial = content(history_.initial);
    for (const Swap& swap : history_.swaps) {
      result_.swaps.push_back(
          {&swap, swap.undo ? std::vector<ValueIndex>{} : content(swap.content)});
    }
    number_generations();
    for (const Operation& operation : history_.operations) add(operation);
    std::ranges::sort(result_.operations, {}, [](const NumberedOperation& numbered) {
      const Operation& operation = *numbered.operation;
      return std::tuple(operation.invoked, operation.client, operation.index);
    });
    find_watches();
    return std::move(result_);
  }

 private:
  void collect_keys() {
    const auto note = [this](const std::string& key) {
      if (!key.empty()) indexes_.try_emplace(key, 0);
    };
    for (const auto& [key, value] : history_.initial) note(key);
    for (const Swap& swap : history_.swaps) {
      for (const auto& [key, value] : swap.content) note(key);
    }
    for (const Operation& operation : history_.operations) {
      for (const Step& step : operation.steps) note(step.key);
      for (const std::string& key : operation.keys) note(key);
    }
    for (auto& [key, index] : indexes_) {
      index = static_cast<KeyIndex>(result_.keys.size());
      result_.keys.push_back(key);
    }
    RESTORED_CHECK(result_.keys.size() <= keys_max, "a history has few keys");
  }

  std::vector<ValueIndex> content(const Content& content) {
    std::vector<ValueIndex> values(result_.keys.size(), absent);
    for (const auto& [key, value] : content) values[indexes_.at(key)] = result_.values.index(value);
    return values;
  }

  void number_generations() {
    result_.generation.push_back(0);
    result_.origin.push_back(0);
    std::optional<std::size_t> previous;
    for (const NumberedSwap& swap : result_.swaps) {
      const std::size_t live = result_.generation.back();
      RESTORED_CHECK(!swap.swap->undo || previous, "an undo follows a swap");
      result_.generation.push_back(swap.swap->undo ? *previous : result_.origin.size());
      if (!swap.swap->undo) result_.origin.push_back(result_.generation.size() - 1);
      previous = live;
    }
  }

  void add(const Operation& operation) {
    NumberedOperation numbered;
    numbered.operation = &operation;
    for (const std::string& key : operation.keys) numbered.keys.set(indexes_.at(key));
    for (const Step& step : operation.steps) add(step, numbered);
    numbered.removes &= numbered.writes;
    using Role = Operation::Role;
    if (operation.role == Role::watch) numbered.reads |= numbered.keys;
    // Which keys were there at its ends decides what a whole scan had to name.
    if (operation.role == Role::first_page || operation.role == Role::last_page ||
        operation.role == Role::only_page) {
      numbered.whole_scope = true;
    }
    result_.clients = std::max(result_.clients, operation.client + 1);
    if (operation.answered() || !numbered.read_only()) {
      result_.operations.push_back(std::move(numbered));
    }
  }

  void add(const Step& step, NumberedOperation& operation) {
    NumberedStep numbered{.kind = step.kind};
    numbered.written = result_.values.index(step.written.empty() ? Value() : Value(step.written));
    numbered.answer = result_.values.index(step.answer);
    if (step.kind == Step::Kind::count) {
      operation.whole_scope = true;
    } else {
      numbered.key = indexes_.at(step.key);
      if (step.kind != Step::Kind::write) operation.reads.set(numbered.key);
      if (may_write(step, operation.operation->answered())) operation.writes.set(numbered.key);
      if (step.kind == Step::Kind::remove) operation.removes.set(numbered.key);
    }
    operation.steps.push_back(numbered);
  }

  static bool may_write(const Step& step, bool answered) {
    switch (step.kind) {
      case Step::Kind::write:
      case Step::Kind::increment:
        return true;
      case Step::Kind::write_if_absent:
      case Step::Kind::remove:
        return !answered || step.answer.has_value();
      case Step::Kind::read:
      case Step::Kind::present:
      case Step::Kind::count:
        break;
    }
    return false;
  }

  // An EXEC belongs to its client's last WATCH.
  void find_watches() {
    std::vector<const NumberedOperation*> last(result_.clients, nullptr);
    for (NumberedOperation& operation : result_.operations) {
      const NumberedOperation*& watch = last[operation.operation->client];
      const Operation::Role role = operation.operation->role;
      if (role == Operation::Role::watch) watch = &operation;
      if (role != Operation::Role::guarded && role != Operation::Role::aborted) continue;
      RESTORED_CHECK(watch != nullptr, "an EXEC that may be refused follows a WATCH");
      operation.keys = watch->keys;
      operation.watched = watch->operation->invoked;
      if (role == Operation::Role::guarded) operation.reads |= watch->keys;
    }
  }

  const History& history_;
  NumberedHistory result_;
  std::map<std::string, KeyIndex> indexes_;
};

}  // namespace

ValueIndex Values::index(const Value& value) {
  if (!value) return absent;
  const auto [at, added] = indexes_.try_emplace(*value, static_cast<ValueIndex>(texts_.size()));
  if (added) texts_.push_back(*value);
  return at->second;
}

Value Values::text(ValueIndex value) const {
  return value == absent ? Value() : Value(texts_[value]);
}

std::optional<std::int64_t> Values::number(ValueIndex value) const {
  const std::string& text = texts_[value];
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

NumberedHistory number(const History& history) {
  return Numbering(history).make();
}

}  // namespace restored::history
