#include "database_model.h"

#include <algorithm>
#include <utility>

namespace restored::crash_test {
namespace {

std::string text(std::uint64_t number) {
  return std::to_string(number);
}
std::string text(const std::optional<std::uint64_t>& number) {
  return number ? text(*number) : "none";
}
const char* name(Swap swap) {
  switch (swap) {
    case Swap::none:
      return "nothing";
    case Swap::restore:
      return "a restore";
    case Swap::undo:
      return "an undo";
    case Swap::flush:
      return "FLUSHALL";
  }
  return "";
}

}  // namespace

DatabaseModel::DatabaseModel(std::mutex& mutex, Generations begin)
    : mutex_(mutex),
      live_(begin.live),
      previous_(begin.previous),
      newest_(begin.live),
      settled_at_(std::chrono::steady_clock::now()) {
  generations_[live_];
}

void DatabaseModel::begin(std::size_t writer, Transaction transaction) {
  const std::lock_guard lock(mutex_);
  in_flight_[writer] = std::move(transaction);
}

void DatabaseModel::refused(std::size_t writer) {
  const std::lock_guard lock(mutex_);
  in_flight_[writer].reset();
}

bool DatabaseModel::may_be_live(std::uint64_t generation) const {
  if (generation == live_) return true;
  if (swap_ == Swap::undo) return generation == previous_;
  return swap_ != Swap::none && generation > newest_;
}

void DatabaseModel::acknowledged(std::size_t writer, std::uint64_t generation, Time began) {
  const std::lock_guard lock(mutex_);
  std::optional<Transaction> transaction = std::exchange(in_flight_[writer], std::nullopt);
  if (!transaction) return;
  // A late answer may be of a generation that was replaced meanwhile.
  if (began > settled_at_ && !may_be_live(generation)) {
    problem_ = "a write went to generation " + text(generation) + " while " + text(live_) +
               " was live and " + name(swap_) + " was under way";
  }
  if (swap_ == Swap::undo && generation == previous_ && began > swap_began_) undone_ = true;
  if (generation <= newest_ && !generations_.contains(generation)) return;
  generations_[generation].shards[writer].acknowledge(std::move(*transaction));
}

void DatabaseModel::begin_swap(Swap swap, BackupPointer source) {
  const std::lock_guard lock(mutex_);
  swap_ = swap;
  source_ = std::move(source);
  swap_began_ = std::chrono::steady_clock::now();
  undone_ = false;
  maybe_needless_ = std::ranges::all_of(generations_[live_].shards,
                                        [](const Shard& s) { return s.may_be_empty(); });
}

Swap DatabaseModel::swapping() const {
  const std::lock_guard lock(mutex_);
  return swap_;
}

void DatabaseModel::previous_may_end(bool may_end) {
  const std::lock_guard lock(mutex_);
  may_end_now_ = may_end;
}

std::string DatabaseModel::settle(Happened happened, const Generations& seen) {
  const std::lock_guard lock(mutex_);
  const bool swapped = seen.live != live_;
  const std::string what = std::string(name(swap_)) + " (live was " + text(live_) + ", previous " +
                           text(previous_) + "; now " + text(seen.live) + ", " +
                           text(seen.previous) + ")";
  if (swapped && swap_ == Swap::none) return "nothing was asked for, but live is new: " + what;
  if (swapped && happened == Happened::no) return "it was told not to have happened: " + what;
  if (!swapped && happened == Happened::yes) {
    const bool needless = swap_ == Swap::flush && maybe_needless_;
    if (!needless) return "it was told to have happened, and is not there: " + what;
  }
  if (!swapped && undone_) return "writes came after it, and it is not there: " + what;
  if (std::string wrong = expect_previous(seen, swapped); !wrong.empty())
    return wrong + ": " + what;
  for (const auto& [number, generation] : generations_) {
    if (number > newest_ && number != seen.live)
      return "writes were acknowledged in generation " + text(number) + ", which is gone: " + what;
  }
  std::string wrong = swapped ? take_over(seen) : "";
  if (!seen.previous) previous_.reset();
  swap_ = Swap::none;
  undone_ = false;
  source_.reset();
  settled_at_ = std::chrono::steady_clock::now();
  return wrong.empty() ? wrong : wrong + ": " + what;
}

std::string DatabaseModel::expect_previous(const Generations& seen, bool swapped) const {
  const std::optional<std::uint64_t> expected = swapped ? std::optional(live_) : previous_;
  if (seen.previous == expected) return {};
  if (!seen.previous && (swapped ? may_end_now_ : previous_may_end_)) return {};
  return "the previous generation is not " + text(expected);
}

// Live is another one than before.
std::string DatabaseModel::take_over(const Generations& seen) {
  if (swap_ == Swap::undo) {
    if (seen.live != previous_) return "an undo made another generation live than the previous one";
  } else if (seen.live <= newest_) {
    return "a generation has a number that was used before";
  } else {
    Generation& made = generations_[seen.live];  // its first writes may be on record
    if (swap_ == Swap::restore) {
      Generation restored;
      for (std::size_t writer = 0; writer < writers_count; ++writer) {
        restored.shards[writer] = Shard(source_->contents[writer]);
        made.shards[writer].move_acknowledged_to(restored.shards[writer]);
      }
      restored.origin = source_;
      made = std::move(restored);
    }
  }
  previous_ = std::exchange(live_, seen.live);
  previous_may_end_ = may_end_now_;
  newest_ = std::max(newest_, live_);
  std::erase_if(generations_, [this](const auto& entry) {
    return entry.first != live_ && entry.first != previous_;
  });
  return {};
}

DatabaseModel::Cut DatabaseModel::begin_backup() const {
  const std::lock_guard lock(mutex_);
  Cut cut{live_, {}};
  for (std::size_t writer = 0; writer < writers_count; ++writer)
    cut.acknowledged[writer] = generations_.at(live_).shards[writer].acknowledged();
  return cut;
}

std::string DatabaseModel::complete_backup(const Cut& cut, BackupModel& backup) const {
  const std::lock_guard lock(mutex_);
  const auto found = generations_.find(cut.generation);
  if (found == generations_.end()) return "a backup of a generation that is gone";
  for (std::size_t writer = 0; writer < writers_count; ++writer) {
    backup.contents[writer] =
        found->second.shards[writer].possible(cut.acknowledged[writer], in_flight_[writer]);
  }
  backup.state = BackupModel::State::complete;
  return {};
}

std::size_t DatabaseModel::beginnings() const {
  const std::lock_guard lock(mutex_);
  std::size_t most = 0;
  for (const Shard& shard : generations_.at(live_).shards)
    most = std::max(most, shard.bases().size());
  return most;
}

// All restores of one backup give the same content: what explains this one must explain the others.
std::string DatabaseModel::narrow(Generation& live, std::size_t writer, const Content& part) {
  Shard& shard = live.shards[writer];
  const std::vector<Content> explaining = shard.explaining(part, in_flight_[writer]);
  if (explaining.empty()) {
    return "writer " + prefix_of(writer) + " " +
           difference(part, shard.possible(shard.acknowledged(), in_flight_[writer]));
  }
  if (live.origin) {
    std::vector<Content>& contents = live.origin->contents[writer];
    std::erase_if(contents, [&](const Content& content) {
      return std::ranges::find(explaining, content) == explaining.end();
    });
    if (contents.empty()) return "two restores of backup " + live.origin->id + " differ";
  }
  shard = Shard({part});
  return {};
}

std::string DatabaseModel::check(const Content& content) {
  const std::lock_guard lock(mutex_);
  Generation& live = generations_.at(live_);
  std::size_t known = 0;
  for (std::size_t writer = 0; writer < writers_count; ++writer) {
    const Content part = part_of(content, writer);
    known += part.size();
    if (std::string wrong = narrow(live, writer, part); !wrong.empty()) {
      return "generation " + text(live_) +
             (live.origin ? " (of backup " + live.origin->id + ")" : "") + ": " + wrong;
    }
  }
  live.origin.reset();
  if (known != content.size()) return "there are keys that nobody wrote";
  for (auto& [number, generation] : generations_) {
    if (number == live_) continue;
    generation.origin.reset();
    for (std::size_t writer = 0; writer < writers_count; ++writer) {
      Shard& shard = generation.shards[writer];
      shard = Shard(shard.possible(shard.acknowledged(), in_flight_[writer]));
    }
  }
  in_flight_ = {};
  return {};
}

std::string DatabaseModel::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace restored::crash_test
