#include "store/repository_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "restored/limits.h"
#include "store/object_key.h"
#include "store/repository_speed.h"

namespace restored::store {
namespace {

constexpr std::size_t small_bytes = 4 * kKiB;
constexpr std::uint64_t leftover_seconds = 3600;  // no check takes that long

using Outcome = Result<Finding>;

std::string rate_text(double bytes_per_second) {
  return fmt::format("{:.1f} MiB/s", bytes_per_second / static_cast<double>(kMiB));
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Where going on makes no sense: each further step would fail the same way, slowly.
bool is_hopeless(ErrorCode code) {
  return code == ErrorCode::object_store_unavailable || code == ErrorCode::store_misconfigured ||
         code == ErrorCode::cancelled;
}

class RepositoryCheck {
 public:
  RepositoryCheck(ObjectStore& store, const CheckOptions& options, const StoreCall& call,
                  const std::function<void(const Finding&)>& tell)
      : store_(store), options_(options), call_(call), tell_(tell), content_(random_u64()) {}

  CheckReport run() {
    if (steps()) static_cast<void>(step("leftovers", [this] { return leftovers(); }));
    remove();
    return std::move(report_);
  }

 private:
  // False: hopeless.
  bool steps() {
    if (!step("reach", [this] { return reach(); })) return false;
    if (!step("write", [this] { return write(); })) return false;
    if (written_) {
      if (!step("read", [this] { return read(); })) return false;
      if (!step("range", [this] { return range(); })) return false;
      if (!step("list", [this] { return list(); })) return false;
      if (!step("clock", [this] { return clock(); })) return false;
      if (!step("latency", [this] { return latency(); })) return false;
    }
    if (!step("multipart", [this] { return multipart(); })) return false;
    if (large_) {
      if (!step("read-speed", [this] { return read_speed(); })) return false;
      if (!step("write-speed", [this] { return write_speed(); })) return false;
    }
    return true;
  }

  template <class Work>
  bool step(std::string_view check, Work work) {
    Outcome outcome = guarded(work);
    note(outcome ? std::move(*outcome) : failure(std::string(check), outcome.error()));
    return outcome || !is_hopeless(outcome.error().code);
  }
  template <class Work>
  static Outcome guarded(Work work) {
    try {
      return work();
    } catch (const std::exception& thrown) {
      return fail(ErrorCode::internal, thrown.what());
    }
  }
  void note(Finding finding) {
    if (tell_) tell_(finding);
    report_.findings.push_back(std::move(finding));
  }
  // Removed at the end, whether it comes to be or not.
  std::string new_key(std::string_view what) {
    made_.push_back(fmt::format("{}{}-{}", check_folder, id_, what));
    return made_.back();
  }

  Outcome reach() {
    const auto found = store_.get("repository.json", limits::small_object_bytes_max, call_);
    if (found) return well("reach", fmt::format("{} answers; a repository is there", store_.url()));
    if (found.error().code != ErrorCode::object_not_found) return std::unexpected(found.error());
    return well("reach",
                fmt::format("{} answers; no repository is there yet, the agent's start begins one",
                            store_.url()));
  }

  Outcome write() {
    const std::string key = new_key("small");
    RESTORED_TRY(store_.put(key, bytes_of(small_), call_));
    written_ = key;
    return well("write", fmt::format("an object of {} bytes", small_.size()));
  }

  Outcome read() {
    RESTORED_TRY(const std::string first, store_.get(*written_, small_bytes, call_));
    const std::string other(small_.rbegin(), small_.rend());
    RESTORED_TRY(store_.put(*written_, bytes_of(other), call_));
    RESTORED_TRY(const std::string second, store_.get(*written_, small_bytes, call_));
    RESTORED_TRY(store_.put(*written_, bytes_of(small_), call_));
    if (first != small_ || second != other) {
      return fail(ErrorCode::corruption,
                  second == small_ ? "an object that was replaced still reads as it was before"
                                   : "an object reads as other bytes than were written",
                  "Something between here and the store caches or changes objects: take it away, "
                  "or use another endpoint.");
    }
    return well("read", "the same bytes, and others once it is replaced");
  }

  Outcome range() {
    constexpr std::size_t offset = 1001;
    std::string part(1999, '\0');
    RESTORED_TRY(store_.read(*written_, offset, std::as_writable_bytes(std::span(part)), call_));
    if (part != small_.substr(offset, part.size())) {
      return fail(ErrorCode::corruption, "a ranged read gives other bytes than were asked for",
                  "The store must serve byte ranges exactly: take a proxy out of the way, or use "
                  "another store.");
    }
    return well("range", "the bytes that were asked for");
  }

  Outcome list() {
    std::optional<ObjectInfo> seen;
    RESTORED_TRY(store_.list(
        fmt::format("{}{}", check_folder, id_),
        [&](const ObjectInfo& info) {
          if (info.key == *written_) seen = info;
          return true;
        },
        call_));
    if (!seen || seen->size_bytes != small_.size()) {
      return fail(ErrorCode::corruption,
                  seen ? fmt::format("a list tells {} bytes of an object that has {}",
                                     seen->size_bytes, small_.size())
                       : "an object that was just written is in no list",
                  "Backups would not be found: use a store whose lists are consistent.");
    }
    return well("list", "the object is there, with its size");
  }

  // The store's time of the object beside ours: before and after it was written.
  Outcome clock() {
    const std::string key = new_key("clock");
    const UnixMillis before = options_.clock->wall();
    RESTORED_TRY(store_.put(key, bytes_of(small_), call_));
    const UnixMillis after = options_.clock->wall();
    RESTORED_TRY(const ObjectInfo info, store_.stat(key, call_));
    return judge_clock("clock", clock_ahead(before, info.modified_unix_millis, after));
  }

  Outcome latency() {
    RESTORED_TRY(const Latency found,
                 measure_latency(store_, *written_, small_bytes, options_.latency_reads, call_));
    report_.measured.latency_median_millis = found.median_millis;
    report_.measured.latency_p99_millis = found.p99_millis;
    return well(
        "latency",
        fmt::format("median {:.2f} ms, 99 % within {:.2f} ms ({} reads of {} KiB)",
                    found.median_millis, found.p99_millis, found.reads, small_bytes / kKiB));
  }

  Outcome multipart() {
    const std::string key = new_key("large");
    RESTORED_TRY(upload_content(store_, key, content_, options_.size_bytes, call_));
    RESTORED_TRY(const ObjectInfo info, store_.stat(key, call_));
    if (info.size_bytes != options_.size_bytes) {
      return fail(ErrorCode::corruption,
                  fmt::format("an object of {} bytes has {} once it is uploaded",
                              options_.size_bytes, info.size_bytes));
    }
    large_ = key;
    return well("multipart",
                fmt::format("an object of {:.1f} MiB, in parts of {} MiB",
                            static_cast<double>(options_.size_bytes) / static_cast<double>(kMiB),
                            limits::upload_part_bytes / kMiB));
  }

  Outcome read_speed() {
    RESTORED_TRY(const Speed speed,
                 measure_reads(store_, *large_, content_, options_.size_bytes, call_));
    report_.measured.read_bytes_per_second = speed.bytes_per_second;
    report_.measured.reads_in_flight = speed.in_flight;
    return well("read-speed", fmt::format("{}, with up to {} ranges in flight",
                                          rate_text(speed.bytes_per_second), speed.in_flight));
  }

  Outcome write_speed() {
    const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
    const unsigned writers = store_.writes_max() == 0 ? cores : store_.writes_max();
    const std::uint64_t parts =
        std::max<std::uint64_t>(1, options_.size_bytes / limits::upload_part_bytes);
    std::vector<std::string> keys;
    while (keys.size() < std::min<std::uint64_t>(writers, parts)) {
      keys.push_back(new_key(fmt::format("speed{}", keys.size())));
    }
    RESTORED_TRY(const Speed speed,
                 measure_writes(store_, keys, content_, options_.size_bytes, call_));
    report_.measured.write_bytes_per_second = speed.bytes_per_second;
    report_.measured.writes_in_flight = speed.in_flight;
    return well("write-speed", fmt::format("{}, with up to {} objects in flight",
                                           rate_text(speed.bytes_per_second), speed.in_flight));
  }

  // What others left: uploads that were never ended, and objects of checks that were killed.
  Outcome leftovers() {
    RESTORED_TRY(const std::uint64_t uploads,
                 store_.remove_stale_uploads(limits::upload_stale_seconds, call_));
    const UnixMillis stale_before =
        options_.clock->wall() - static_cast<UnixMillis>(leftover_seconds) * 1000;
    const std::string own = fmt::format("{}{}", check_folder, id_);
    std::vector<std::string> stale;
    RESTORED_TRY(store_.list(
        check_folder,
        [&](const ObjectInfo& info) {
          const bool ours = info.key.starts_with(own);
          if (!ours && info.modified_unix_millis < stale_before) stale.push_back(info.key);
          return true;
        },
        call_));
    for (const std::string& key : stale) RESTORED_TRY(store_.remove(key, call_));
    if (uploads == 0 && stale.empty()) return well("leftovers", "none");
    return well("leftovers",
                fmt::format("removed {} uploads that were never ended and {} objects of earlier "
                            "checks",
                            uploads, stale.size()));
  }

  // Goes on after the stop: a check leaves nothing behind.
  void remove() {
    if (made_.empty()) return;
    const StoreCall call;
    std::vector<std::string> left;
    std::optional<Error> first;
    for (const std::string& key : made_) {
      const Result<void> removed = store_.remove(key, call);
      if (removed) continue;
      left.push_back(key);
      if (!first) first = removed.error();
      if (is_hopeless(removed.error().code)) break;
    }
    if (!first && written_ && store_.stat(*written_, call)) {
      left.push_back(*written_);
      first = Error{ErrorCode::store_permission_denied,
                    "an object is still there although its removal was accepted",
                    "The bucket keeps old versions or a lock: allow deletion, or backups are never "
                    "removed."};
    }
    if (!first) return note(well("delete", fmt::format("{} objects of this check", made_.size())));
    Finding finding = failure("delete", *first);
    finding.message += fmt::format("; {} {} may be left", fmt::join(left, ", "),
                                   left.size() == 1 ? "object" : "objects");
    note(std::move(finding));
  }

  ObjectStore& store_;
  const CheckOptions options_;
  const StoreCall call_;
  const std::function<void(const Finding&)>& tell_;
  const std::string id_ = random_id();
  const CheckContent content_;
  const std::string small_ = random_secret(small_bytes).substr(0, small_bytes);
  std::vector<std::string> made_;
  std::optional<std::string> written_;  // the small object, once it is there
  std::optional<std::string> large_;    // the same of the large one
  CheckReport report_;
};

}  // namespace

UnixMillis clock_ahead(UnixMillis before, UnixMillis theirs, UnixMillis after) {
  constexpr UnixMillis cut_off_max = 999;  // of a time in whole seconds
  if (theirs > after) return after - theirs;
  return std::max<UnixMillis>(before - theirs - cut_off_max, 0);
}

Finding judge_clock(std::string check, UnixMillis ahead) {
  constexpr UnixMillis second = 1000;
  const UnixMillis off = std::abs(ahead);
  if (off <= limits::store_clock_warning_seconds * second) {
    return well(std::move(check),
                fmt::format("as the store's, within {} s", limits::store_clock_warning_seconds));
  }
  std::string message =
      fmt::format("ours is {:.0f} s {} the store's", static_cast<double>(off) / 1e3,
                  ahead > 0 ? "ahead of" : "behind");
  std::string remedy = "Run a time service (chrony, systemd-timesyncd) on this host.";
  if (off < limits::store_clock_skew_seconds * second) {
    message += fmt::format("; from {} minutes on every request is refused",
                           limits::store_clock_skew_seconds / 60);
    return warning(std::move(check), std::move(message), std::move(remedy));
  }
  return failure(std::move(check),
                 {ErrorCode::store_misconfigured, std::move(message), std::move(remedy)});
}

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::warning:
      return "warning";
    case Verdict::failed:
      return "failed";
  }
  return "";
}

Finding well(std::string check, std::string message) {
  return {std::move(check), Verdict::ok, std::move(message), {}, {}};
}

Finding warning(std::string check, std::string message, std::string remedy) {
  return {std::move(check), Verdict::warning, std::move(message), std::move(remedy), {}};
}

Finding failure(std::string check, const Error& error) {
  return {std::move(check), Verdict::failed, error.message, std::string(error.hint_text()),
          error.code};
}

const Finding* CheckReport::first_failure() const {
  const auto found = std::ranges::find(findings, Verdict::failed, &Finding::verdict);
  return found == findings.end() ? nullptr : &*found;
}

CheckReport check_repository(ObjectStore& store, const CheckOptions& options, const StoreCall& call,
                             const std::function<void(const Finding&)>& tell) {
  RESTORED_CHECK(options.size_bytes >= check_size_bytes_min &&
                     options.size_bytes <= check_size_bytes_max && options.latency_reads > 0,
                 "the caller asks for a check that can be made");
  RepositoryCheck check(store, options, call, tell);
  return check.run();
}

}  // namespace restored::store
