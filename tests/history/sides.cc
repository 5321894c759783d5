#include "sides.h"

#include <fmt/format.h>

#include <bit>
#include <unordered_map>

#include "base/check.h"

namespace restored::history {
namespace {

constexpr std::size_t rounds_max = 64;

std::uint64_t place(KeyIndex key, ValueIndex value) {
  return (static_cast<std::uint64_t>(key) << 32) | value;
}

// Who may have given a key its value.
struct Origins {
  EpochSet contents = 0;             // where a content with it is live
  std::vector<std::size_t> writers;  // operations
};

class SideFinder {
 public:
  explicit SideFinder(const NumberedHistory& history) : history_(history) {}

  Sides find() {
    RESTORED_CHECK(history_.swaps.size() <= swaps_max, "a history has few swaps");
    for (const NumberedSwap& swap : history_.swaps) {
      sides_.swaps.push_back({swap.swap->invoked, swap.swap->returned, nullptr, nullptr});
    }
    sides_.epochs.assign(history_.operations.size(), all_epochs());
    find_origins();
    changed_ = true;
    for (std::size_t round = 0; changed_ && !refused() && round < rounds_max; ++round) {
      changed_ = false;
      for (std::size_t i = 0; i < history_.operations.size() && !refused(); ++i) consider(i);
      move_bounds();
    }
    return std::move(sides_);
  }

 private:
  EpochSet all_epochs() const { return (EpochSet{1} << (history_.swaps.size() + 1)) - 1; }
  bool refused() const { return !sides_.contradiction.empty(); }

  // The epochs of a generation at or behind some of `from`.
  EpochSet later_epochs(EpochSet from) const {
    EpochSet found = 0;
    for (std::size_t first = 0; first < history_.generation.size(); ++first) {
      if ((from >> first & 1) == 0) continue;
      for (std::size_t epoch = first; epoch < history_.generation.size(); ++epoch) {
        if (history_.generation[epoch] == history_.generation[first]) found |= EpochSet{1} << epoch;
      }
    }
    return found;
  }
  EpochSet earlier_epochs(EpochSet to) const {
    EpochSet found = 0;
    for (std::size_t epoch = 0; epoch < history_.generation.size(); ++epoch) {
      if ((later_epochs(EpochSet{1} << epoch) & to) != 0) found |= EpochSet{1} << epoch;
    }
    return found;
  }

  void note_content(const std::vector<ValueIndex>& content, std::size_t epoch) {
    for (KeyIndex key = 0; key < content.size(); ++key) {
      if (content[key] == absent) continue;
      origins_[place(key, content[key])].contents |= later_epochs(EpochSet{1} << epoch);
    }
  }

  void find_origins() {
    note_content(history_.initial, 0);
    for (std::size_t i = 0; i < history_.swaps.size(); ++i) {
      note_content(history_.swaps[i].content, i + 1);
    }
    for (std::size_t i = 0; i < history_.operations.size(); ++i) {
      const NumberedOperation& operation = history_.operations[i];
      for (const NumberedStep& step : operation.steps) {
        if (!operation.writes.test(step.key)) continue;
        if (step.kind == Step::Kind::increment) {
          if (operation.answered()) {
            origins_[place(step.key, step.answer)].writers.push_back(i);
          } else {
            unknown_.set(step.key);  // any number may have come of it
          }
        } else if (step.written != absent) {
          origins_[place(step.key, step.written)].writers.push_back(i);
        }
      }
    }
  }

  EpochSet in_time(const Operation& operation) const {
    EpochSet epochs = 0;
    for (std::size_t epoch = 0; epoch <= sides_.swaps.size(); ++epoch) {
      const bool begun = epoch == 0 || operation.returned >= sides_.swaps[epoch - 1].begin;
      const bool open =
          epoch == sides_.swaps.size() || operation.invoked <= sides_.swaps[epoch].end;
      if (begun && open) epochs |= EpochSet{1} << epoch;
    }
    return epochs;
  }

  void narrow(std::size_t index, EpochSet epochs) {
    const EpochSet left = sides_.epochs[index] & epochs;
    if (left == sides_.epochs[index]) return;
    sides_.epochs[index] = left;
    changed_ = true;
  }

  void consider(std::size_t index) {
    const NumberedOperation& operation = history_.operations[index];
    narrow(index, in_time(*operation.operation));
    if (!operation.answered()) return;
    for (const NumberedStep& step : operation.steps) {
      const bool told = step.kind == Step::Kind::read || step.kind == Step::Kind::remove;
      if (!told || step.answer == absent || unknown_.test(step.key)) continue;
      follow(index, step);
      if (refused()) return;
    }
    if (sides_.epochs[index] == 0) {
      sides_.contradiction = fmt::format("its answers are of no single side of the swaps: {}",
                                         print(*operation.operation));
    }
  }

  void follow(std::size_t index, const NumberedStep& step) {
    const NumberedOperation& reader = history_.operations[index];
    const auto found = origins_.find(place(step.key, step.answer));
    EpochSet epochs = 0;
    std::size_t writers = 0;
    std::size_t writer = 0;
    std::string who;
    if (found != origins_.end()) {
      epochs = found->second.contents;
      if (epochs != 0) who += "\n  it stood in a content that a swap, or the beginning, brought";
      for (const std::size_t candidate : found->second.writers) {
        if (candidate == index) return;
        const Operation& written = *history_.operations[candidate].operation;
        who += "\n  written by " + print(written);
        if (written.invoked > reader.operation->returned) continue;
        epochs |= later_epochs(sides_.epochs[candidate]);
        ++writers;
        writer = candidate;
      }
    }
    const EpochSet before = sides_.epochs[index];
    narrow(index, epochs);
    if (sides_.epochs[index] == 0) {
      sides_.contradiction = fmt::format(
          "{} = {} was not there to be read, or not on one side of a swap with its other answers\n"
          "  read by {}{}{}",
          history_.keys[step.key], print(history_.values.text(step.answer)),
          print(*reader.operation), who, why(index, before));
      return;
    }
    if (writers == 1 && found->second.contents == 0) {
      narrow(writer, earlier_epochs(sides_.epochs[index]));
    }
  }

  // What the other steps of an operation say about its side.
  std::string why(std::size_t index, EpochSet before) const {
    std::string text = fmt::format("\n  its epoch by its time and other answers: {:#x}", before);
    for (const NumberedStep& step : history_.operations[index].steps) {
      const auto found = origins_.find(place(step.key, step.answer));
      if (found == origins_.end() || step.answer == absent) continue;
      for (const std::size_t writer : found->second.writers) {
        text += "\n  another answer of it was written by " +
                print(*history_.operations[writer].operation);
      }
    }
    for (const SwapBounds& bounds : sides_.swaps) {
      for (const Operation* operation : {bounds.before, bounds.behind}) {
        if (operation == nullptr) continue;
        text += fmt::format("\n  {} has a swap {} it", print(*operation),
                            operation == bounds.before ? "behind" : "before");
      }
    }
    return text;
  }

  void move_bounds() {
    for (std::size_t i = 0; i < history_.operations.size() && !refused(); ++i) {
      const NumberedOperation& operation = history_.operations[i];
      const EpochSet epochs = sides_.epochs[i];
      if (!operation.answered() || epochs == 0) continue;
      const auto first = static_cast<std::size_t>(std::countr_zero(epochs));
      const auto last = static_cast<std::size_t>(std::bit_width(epochs)) - 1;
      if (last < sides_.swaps.size()) stands_before(*operation.operation, last);
      if (first > 0) stands_behind(*operation.operation, first - 1);
    }
  }

  void stands_before(const Operation& operation, std::size_t swap) {
    SwapBounds& bounds = sides_.swaps[swap];
    if (operation.invoked <= bounds.begin) return;
    bounds.begin = operation.invoked;
    bounds.before = &operation;
    changed_ = true;
    check(swap);
  }
  void stands_behind(const Operation& operation, std::size_t swap) {
    SwapBounds& bounds = sides_.swaps[swap];
    if (operation.returned >= bounds.end) return;
    bounds.end = operation.returned;
    bounds.behind = &operation;
    changed_ = true;
    check(swap);
  }

  void check(std::size_t swap) {
    const SwapBounds& bounds = sides_.swaps[swap];
    if (bounds.begin <= bounds.end) return;
    sides_.contradiction =
        fmt::format("no instant of {} is between the two sides", history_.swaps[swap].swap->name);
    if (bounds.before != nullptr) {
      sides_.contradiction += "\n  surely before it: " + print(*bounds.before);
    }
    if (bounds.behind != nullptr) {
      sides_.contradiction += "\n  surely behind it: " + print(*bounds.behind);
    }
  }

  const NumberedHistory& history_;
  Sides sides_;
  std::unordered_map<std::uint64_t, Origins> origins_;
  KeySet unknown_;  // keys whose numbers are not all known
  bool changed_ = false;
};

}  // namespace

Sides find_sides(const NumberedHistory& history) {
  return SideFinder(history).find();
}

}  // namespace restored::history
