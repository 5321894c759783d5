#include "search.h"

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>
#include <utility>
#include <vector>

#include "base/check.h"
#include "explanation.h"
#include "state.h"

namespace restored::history {
namespace {

// Something that has begun and not ended: an operation, or a swap.
struct Pending {
  bool is_swap = false;
  std::size_t index = 0;  // of the operation or the swap
};

struct Event {
  Moment moment = 0;
  bool end = false;
  Pending what;
  // What begins at the instant at which another ends may have happened before it.
  auto order() const { return std::tuple(moment, end, what.is_swap, what.index); }
};

class Search {
 public:
  Search(NumberedHistory& history, const Sides& sides)
      : history_(history), sides_(sides), machine_(history, sides) {}

  SearchResult run() {
    states_.add(machine_.initial());
    for (const Event& event : events()) {
      if (event.end) {
        end(event.what);
      } else {
        begin(event.what);
      }
      result_.states = std::max(result_.states, states_.size());
      if (result_.gave_up || states_.empty()) return std::move(result_);
    }
    result_.explained = true;
    return std::move(result_);
  }

 private:
  std::vector<Event> events() const {
    std::vector<Event> events;
    for (std::size_t i = 0; i < history_.operations.size(); ++i) {
      const Operation& operation = *history_.operations[i].operation;
      events.push_back({operation.invoked, false, {false, i}});
      if (operation.answered()) events.push_back({operation.returned, true, {false, i}});
    }
    for (std::size_t i = 0; i < sides_.swaps.size(); ++i) {
      events.push_back({sides_.swaps[i].begin, false, {true, i}});
      events.push_back({sides_.swaps[i].end, true, {true, i}});
    }
    std::ranges::sort(events, {}, &Event::order);
    return events;
  }

  const NumberedOperation& operation(const Pending& pending) const {
    return history_.operations[pending.index];
  }

  void begin(const Pending& what) {
    const auto slot = static_cast<std::size_t>(std::countr_one(used_));
    if (slot >= slots_max) {
      give_up("too many operations at once");
      return;
    }
    used_ |= Slots{1} << slot;
    pending_[slot] = what;
    if (what.is_swap) return;
    const NumberedOperation& begun = operation(what);
    if (begun.operation->role == Operation::Role::watch) machine_.watching(begun);
    if (!begun.read_only()) return;
    readers_ |= Slots{1} << slot;
    StateSet next;
    for (State state : states_.all()) {
      read(slot, state);
      next.add(std::move(state));
    }
    states_ = std::move(next);
  }

  void end(const Pending& what) {
    const std::size_t slot = slot_of(what);
    StateSet next;
    for (const State& state : states_.all()) {
      expand(state, slot, next);
      if (result_.gave_up) return;
    }
    if (next.empty()) result_.message = explain(what);
    if (next.size() > 1) next.prune();
    states_ = std::move(next);
    used_ &= ~(Slots{1} << slot);
    readers_ &= ~(Slots{1} << slot);
  }

  std::size_t slot_of(const Pending& what) const {
    for (std::size_t slot = 0; slot < slots_max; ++slot) {
      const bool used = (used_ >> slot & 1) != 0;
      if (used && pending_[slot].is_swap == what.is_swap && pending_[slot].index == what.index) {
        return slot;
      }
    }
    RESTORED_CHECK(false, "what ends has begun");
    return 0;
  }

  // Every state in which the slot's operation has happened, with no more of the others than it
  // needs.
  void expand(const State& from, std::size_t slot, StateSet& into) {
    const Slots bit = Slots{1} << slot;
    StateSet seen;
    seen.add(from);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (seen.size() + into.size() > states_max) return give_up("too many states");
      const State here = seen[i];
      if ((here.done & bit) == 0) {
        const Slots others = related(here, slot);
        for (Slots left = others; left != 0; left &= left - 1) {
          State next = here;
          if (happen(static_cast<std::size_t>(std::countr_zero(left)), next)) seen.add(next);
        }
        State next = here;
        if (!happen(slot, next)) continue;
        next.done &= ~bit;
        into.add(std::move(next));
      } else {
        State next = here;
        next.done &= ~bit;
        into.add(std::move(next));
      }
    }
  }

  // `scope`: the keys that may come or go.
  bool conflict(const Pending& a, const Pending& b, const KeySet& scope) const {
    if (a.is_swap || b.is_swap) return !indifferent(a) && !indifferent(b);
    const NumberedOperation& one = operation(a);
    const NumberedOperation& other = operation(b);
    return (one.writes & (other.writes | other.reads)).any() || (other.writes & one.reads).any() ||
           (one.whole_scope && (other.writes & scope).any()) ||
           (other.whole_scope && (one.writes & scope).any());
  }

  // Whether it makes no difference that it happens right before a swap: the swap hides what it did,
  // and nobody asks for it, so it may as well not happen, or when an undo has brought its key back.
  bool indifferent(const Pending& what) const {
    if (what.is_swap) return false;
    const NumberedOperation& some = operation(what);
    return !some.answered() && some.removes.none() &&
           some.operation->role == Operation::Role::command;
  }

  // The keys that what is pending may bring or take away, seen from here.
  KeySet scope(const State& state) const {
    KeySet created;
    KeySet removed;
    for (Slots left = used_ & ~state.happened(); left != 0; left &= left - 1) {
      const Pending& pending = pending_[static_cast<std::size_t>(std::countr_zero(left))];
      if (pending.is_swap) return KeySet().set();
      created |= operation(pending).writes;
      removed |= operation(pending).removes;
    }
    for (std::size_t key = 0; key < state.values.size(); ++key) {
      if (state.values[key] != absent) created.reset(key);
    }
    return created | removed;
  }

  // What has not happened and conflicts with the slot's operation, or with something that does.
  Slots related(const State& state, std::size_t slot) const {
    Slots found = Slots{1} << slot;
    std::vector<std::size_t> fresh = {slot};
    const KeySet moving = scope(state);
    while (!fresh.empty()) {
      const std::size_t from = fresh.back();
      fresh.pop_back();
      for (Slots left = used_ & ~state.happened() & ~found; left != 0; left &= left - 1) {
        const auto other = static_cast<std::size_t>(std::countr_zero(left));
        if (!conflict(pending_[from], pending_[other], moving)) continue;
        if (!may_match(state, other, slot)) continue;
        found |= Slots{1} << other;
        fresh.push_back(other);
      }
    }
    return found & ~(Slots{1} << slot);
  }

  // False: the slot's operation reads only, and something that it was told is neither here nor
  // given by an operation that could happen before `last`. A read of everything, which a backup is,
  // would else relate all operations to each other for as long as it takes.
  bool may_match(const State& state, std::size_t slot, std::size_t last) const {
    if ((readers_ >> slot & 1) == 0) return true;
    for (const NumberedStep& step : operation(pending_[slot]).steps) {
      if (step.kind != Step::Kind::read || state.values[step.key] == step.answer) continue;
      bool given = false;
      for (Slots left = used_ & ~state.happened(); left != 0 && !given; left &= left - 1) {
        const auto other = static_cast<std::size_t>(std::countr_zero(left));
        given = other != last && (pending_[other].is_swap ||
                                  may_give(operation(pending_[other]), step.key, step.answer));
      }
      if (!given) return false;
    }
    return true;
  }

  static bool may_give(const NumberedOperation& writer, KeyIndex key, ValueIndex value) {
    return std::ranges::any_of(writer.steps, [&](const NumberedStep& step) {
      if (step.key != key || !writer.writes.test(key)) return false;
      if (step.kind == Step::Kind::remove) return value == absent;
      if (step.kind != Step::Kind::increment) return step.written == value;
      return !writer.answered() || step.answer == value;
    });
  }

  bool happen(std::size_t slot, State& state) {
    const Pending& what = pending_[slot];
    if (what.is_swap) {
      if (!machine_.swap(what.index, state) || leaves_behind(state)) return false;
    } else if (!machine_.happen(what.index, state)) {
      return false;
    }
    const bool asked = what.is_swap || operation(what).answered();
    (asked ? state.done : state.done_unasked) |= Slots{1} << slot;
    for (Slots left = readers_ & ~state.happened(); left != 0; left &= left - 1) {
      read(static_cast<std::size_t>(std::countr_zero(left)), state);
    }
    return true;
  }

  // An operation that reads only happens as soon as it can: that takes nothing from the others.
  void read(std::size_t slot, State& state) {
    State next = state;
    if (!machine_.happen(pending_[slot].index, next)) return;
    next.done |= Slots{1} << slot;
    state = std::move(next);
  }

  // Whether something that stands before the swap is missing before it.
  bool leaves_behind(const State& state) const {
    for (Slots left = used_ & ~state.happened(); left != 0; left &= left - 1) {
      const Pending& other = pending_[static_cast<std::size_t>(std::countr_zero(left))];
      if (other.is_swap || !operation(other).answered()) continue;
      if (sides_.epochs[other.index] >> state.epoch == 0) return true;
    }
    return false;
  }

  void give_up(const std::string& reason) {
    result_.gave_up = true;
    result_.message = "not decided: " + reason;
  }

  std::string explain(const Pending& what) const {
    std::vector<const NumberedOperation*> unfinished;
    for (Slots left = used_; left != 0; left &= left - 1) {
      const Pending& other = pending_[static_cast<std::size_t>(std::countr_zero(left))];
      if (!other.is_swap && (what.is_swap || other.index != what.index)) {
        unfinished.push_back(&operation(other));
      }
    }
    if (what.is_swap) return explain_swap(history_, what.index, unfinished);
    return explain_operation(history_, operation(what), states_.all(), unfinished);
  }

  NumberedHistory& history_;
  const Sides& sides_;
  Machine machine_;
  StateSet states_;
  Slots used_ = 0;
  Slots readers_ = 0;
  std::array<Pending, slots_max> pending_;
  SearchResult result_;
};

}  // namespace

SearchResult search(NumberedHistory& history, const Sides& sides) {
  return Search(history, sides).run();
}

}  // namespace restored::history
