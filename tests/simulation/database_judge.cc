#include "database_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace restored::simulation {
namespace {

constexpr std::int64_t from_ever = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();
// What is not synced at once is within a second, and the schedule makes threads that can run wait
// for two more (kernel.h).
constexpr std::int64_t may_be_lost_nanos = 3'500'000'000;

// What happened with one value of a register.
struct Cluster {
  std::int64_t first_end = for_ever;
  std::int64_t last_begin = from_ever;
  bool written = false;                    // or what it began with
  std::int64_t refused_until = from_ever;  // its write was told to have failed
  Span write;
  bool read = false;
  std::int64_t first_read = for_ever;

  void add(const Span& span) {
    first_end = std::min(first_end, span.end);
    last_begin = std::max(last_begin, span.begin);
  }
};

struct Swap {
  Span span;
  std::optional<std::uint64_t> to;  // nothing: it did not happen
  const Event* event = nullptr;
};

struct Register {
  std::map<std::uint64_t, Cluster> clusters;
  std::optional<std::uint64_t> base;
};

using Key = std::pair<std::uint64_t, std::size_t>;  // generation, power losses before

}  // namespace

class DatabaseJudge::Work {
 public:
  Work(const Ledger& ledger, std::size_t database, std::vector<std::string>& problems)
      : database_(database), problems_(problems) {
    for (const Event& event : ledger.events()) {
      if (event.act == Act::cut) cuts_.push_back(&event);
      if (event.act != Act::cut && event.database == database) events_.push_back(&event);
    }
  }

  void judge() {
    collect_swaps();
    judge_swaps();
    fill_registers();
    for (const auto& [key, one] : registers_) judge_register(key, one);
    judge_flushes();
  }

  // What a generation held when that swap made it live; nothing: nobody knows what came before the
  // first that was read. When nobody wrote to it before a power loss, that first one may be after
  // it.
  std::optional<std::uint64_t> began_with(const Event& swap) const {
    for (const auto& [key, one] : registers_) {
      if (key.first != swap.generation) continue;
      if (one.base) return one.base;
      const auto written = [](const auto& entry) { return entry.second.written; };
      if (std::ranges::any_of(one.clusters, written)) return std::nullopt;
    }
    return std::nullopt;
  }

  // When the value was live, as one read of it; for a backup's content.
  bool was_live(std::uint64_t tag, const Span& during) const {
    for (const auto& [key, one] : registers_) {
      if (!possibly_live(key.first, during)) continue;
      if (!one.base) return true;  // it may have begun with it: nobody looked in time
      const auto found = one.clusters.find(tag);
      if (found == one.clusters.end() || !(found->second.written || one.base == tag)) continue;
      Register with = one;
      with.clusters[tag].add(during);
      if (!wrong_zones(with)) return true;
    }
    return false;
  }

 private:
  template <class... Arguments>
  void tell(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    problems_.push_back(fmt::format("database {}: ", database_) +
                        fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  // What has no answer ended at the latest when its life did.
  Span span_of(const Event& event) const {
    return {event.begin, event.end != 0 ? event.end : ends_of_life(event)};
  }

  std::int64_t ends_of_life(const Event& event) const {
    for (const Event* cut : cuts_)
      if (cut->life == event.life) return cut->begin;
    return for_ever;
  }

  // A failed write stands in the log before those that were acknowledged after it.
  std::int64_t may_appear_until(const Event& failed) const {
    std::int64_t until = ends_of_life(failed);
    for (const Event* event : events_) {
      if (event->act == Act::write && event->told == Told::done &&
          event->generation == failed.generation && event->begin > failed.end)
        until = std::min(until, event->begin - 1);
    }
    return until;
  }

  std::size_t power_losses_before(const Event& event) const {
    std::size_t count = 0;
    for (const Event* cut : cuts_) count += cut->power_lost && cut->life < event.life ? 1 : 0;
    return count;
  }

  void collect_swaps() {
    for (const Event* event : events_) {
      if (event->act != Act::restore && event->act != Act::undo && event->act != Act::flush)
        continue;
      Swap swap{{event->begin, event->end}, std::nullopt, event};
      if (event->told == Told::done) swap.to = event->generation;
      if (event->told == Told::nothing) {
        tell("a swap that began at {} never came to an end", event->begin);
        swap.span.end = for_ever;
      }
      swaps_.push_back(swap);
    }
  }

  // live_[k] is live after k swaps.
  void judge_swaps() {
    const Event* first = nullptr;
    for (const Event* event : events_)
      if (first == nullptr && event->has_generation && event->act == Act::read) first = event;
    if (first == nullptr) return;
    live_.push_back(first->generation);
    for (const Swap& swap : swaps_) {
      live_.push_back(swap.to.value_or(live_.back()));
      if (swap.to && *swap.to == live_[live_.size() - 2])
        tell("the swap at {} told success and generation {} is still live", swap.span.begin,
             *swap.to);
    }
    std::vector<std::pair<std::int64_t, std::size_t>>
        seen;  // end of an observation, its earliest place
    for (const Event* event : events_) {
      const bool observes =
          event->act == Act::read || (event->act == Act::write && event->told == Told::done);
      if (!observes || !event->has_generation) continue;
      judge_observation(*event, span_of(*event), seen);
    }
  }

  bool possibly_live(std::uint64_t generation, const Span& during) const {
    for (std::size_t k = 0; k < live_.size(); ++k)
      if (live_[k] == generation && overlaps(k, during)) return true;
    return false;
  }

  // Whether that may have been between the k-th swap and the next.
  bool overlaps(std::size_t k, const Span& span) const {
    const std::int64_t from = k == 0 ? from_ever : swaps_[k - 1].span.begin;
    const std::int64_t to = k == swaps_.size() ? for_ever : swaps_[k].span.end;
    return span.end >= from && span.begin <= to;
  }

  void judge_observation(const Event& event, const Span& span,
                         std::vector<std::pair<std::int64_t, std::size_t>>& seen) {
    std::size_t at_least = 0;
    for (const auto& [end, place] : seen)
      if (end < span.begin) at_least = std::max(at_least, place);
    std::optional<std::size_t> earliest;
    for (std::size_t k = at_least; k < live_.size(); ++k) {
      if (live_[k] == event.generation && overlaps(k, span)) {
        earliest = k;
        break;
      }
    }
    if (!earliest) {
      tell("generation {} was seen at {} to {}, when it cannot have been live", event.generation,
           span.begin, span.end);
      return;
    }
    if (*earliest > 0) seen.emplace_back(span.end, *earliest);
  }

  void fill_registers() {
    for (const Event* event : events_) {
      if (!event->has_generation || (event->act != Act::read && event->act != Act::write)) continue;
      Register& one = registers_[{event->generation, power_losses_before(*event)}];
      Cluster& cluster = one.clusters[event->tag];
      const Span span = span_of(*event);
      if (event->act == Act::write) {
        cluster.written = true;
        // A write that failed shows nothing, until the database is opened again: then what the
        // device took of the log counts.
        cluster.refused_until = event->told == Told::failed ? ends_of_life(*event) : from_ever;
        cluster.write =
            event->told == Told::failed ? Span{event->begin, may_appear_until(*event)} : span;
        if (event->told == Told::done) cluster.add(span);
      } else {
        cluster.read = true;
        cluster.first_read = std::min(cluster.first_read, span.begin);
        cluster.add(span);
      }
    }
    for (auto& [key, one] : registers_) {
      for (auto& [tag, cluster] : one.clusters) {
        // Not known to have happened, but seen.
        if (cluster.written && cluster.read) cluster.add(cluster.write);
        if (!cluster.written && !one.base) find_base(key, one);
      }
    }
    for (const Event* cut : cuts_)
      if (cut->power_lost) join_over_power_loss(*cut);
  }

  // What was read first and never written here is what the generation began with.
  void find_base(const Key& key, Register& one) {
    const Event* first = nullptr;
    for (const Event* event : events_) {
      if (event->act == Act::read && event->generation == key.first &&
          power_losses_before(*event) == key.second && !one.clusters[event->tag].written &&
          (first == nullptr || event->end < first->end))
        first = event;
    }
    if (first == nullptr) return;
    one.base = first->tag;
    one.clusters[first->tag].add({from_ever, from_ever});
  }

  // What the register began anew with was in it not long before.
  void join_over_power_loss(const Event& cut) {
    const std::size_t losses = power_losses_before(cut);
    const Event* first = nullptr;
    for (const Event* event : events_)
      if (first == nullptr && event->act == Act::read && event->life > cut.life) first = event;
    if (first == nullptr) return;
    const auto before = registers_.find({first->generation, losses});
    if (before == registers_.end()) return;  // it became live while nobody looked
    std::int64_t kept_until = cut.begin - may_be_lost_nanos;
    const Event* last_begun = nullptr;  // of the durable ones, but for the one that is there
    for (const Event* event : events_) {
      if (event->act != Act::write || !event->durable || event->told != Told::done ||
          event->generation != first->generation || event->life > cut.life)
        continue;
      // It counts from a moment between its begin and its end, which nobody knows.
      kept_until = std::max(kept_until, event->begin + 1);
      if (event->tag == first->tag) continue;
      if (last_begun == nullptr || event->begin > last_begun->begin) last_begun = event;
    }
    const auto cluster = before->second.clusters.find(first->tag);
    if (cluster == before->second.clusters.end()) {
      // Nobody read what it began with before.
      if (before->second.base) {
        tell("generation {} holds {} after a power loss, which it never held", first->generation,
             first->tag);
      }
      return;
    }
    cluster->second.read = true;
    if (cluster->second.written) cluster->second.add(cluster->second.write);
    cluster->second.add({kept_until, cut.begin});
    if (last_begun != nullptr && cluster->second.first_end < last_begun->begin) {
      tell("generation {} holds {} after a power loss, which the durable {} had replaced",
           first->generation, first->tag, last_begun->tag);
    }
  }

  static std::optional<std::string> wrong_zones(const Register& one) {
    struct Zone {
      std::int64_t from;
      std::int64_t to;
      std::uint64_t tag;
    };
    std::vector<Zone> forward;
    std::vector<Zone> backward;
    for (const auto& [tag, cluster] : one.clusters) {
      if (cluster.first_end == for_ever && cluster.last_begin == from_ever) continue;  // unseen
      if (cluster.first_end < cluster.last_begin) {
        forward.push_back({cluster.first_end, cluster.last_begin, tag});
      } else {
        backward.push_back({cluster.last_begin, cluster.first_end, tag});
      }
    }
    std::ranges::sort(forward, {}, &Zone::from);
    for (std::size_t i = 1; i < forward.size(); ++i) {
      if (forward[i].from < forward[i - 1].to)
        return fmt::format("content {} was there at {} and at {}, content {} at {} and at {}",
                           forward[i - 1].tag, forward[i - 1].from, forward[i - 1].to,
                           forward[i].tag, forward[i].from, forward[i].to);
    }
    for (const Zone& inner : backward) {
      for (const Zone& outer : forward) {
        if (outer.from < inner.from && inner.to < outer.to)
          return fmt::format(
              "content {} was there at {} and at {}, but {} took its place between {} and {}",
              outer.tag, outer.from, outer.to, inner.tag, inner.from, inner.to);
      }
    }
    return std::nullopt;
  }

  void judge_flushes() {
    for (const Swap& swap : swaps_) {
      if (swap.event->act != Act::flush || !swap.to) continue;
      const auto began = began_with(*swap.event);
      if (began && *began != 0)
        tell("generation {} was made by a flush and began with {}", *swap.to, *began);
    }
  }

  void judge_register(const Key& key, const Register& one) {
    for (const auto& [tag, cluster] : one.clusters) {
      if (cluster.first_read < cluster.refused_until)
        tell("generation {} shows {}, whose write was told to have failed", key.first, tag);
      if (cluster.read && !cluster.written && one.base != tag)
        tell("generation {} shows {}, which nobody wrote to it", key.first, tag);
    }
    if (const auto wrong = wrong_zones(one)) tell("generation {}: {}", key.first, *wrong);
  }

  const std::size_t database_;
  std::vector<std::string>& problems_;
  std::vector<const Event*> events_;
  std::vector<const Event*> cuts_;
  std::vector<Swap> swaps_;
  std::vector<std::uint64_t> live_;
  std::map<Key, Register> registers_;
};

DatabaseJudge::DatabaseJudge(const Ledger& ledger, std::size_t database,
                             std::vector<std::string>& problems)
    : work_(std::make_unique<Work>(ledger, database, problems)) {}
DatabaseJudge::DatabaseJudge(DatabaseJudge&&) noexcept = default;
DatabaseJudge::~DatabaseJudge() = default;

void DatabaseJudge::judge() {
  work_->judge();
}

std::optional<std::uint64_t> DatabaseJudge::began_with(const Event& made) const {
  return work_->began_with(made);
}

bool DatabaseJudge::was_live(std::uint64_t tag, const Span& during) const {
  return work_->was_live(tag, during);
}

}  // namespace restored::simulation
