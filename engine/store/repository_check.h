// Whether an object store lets a repository live there, and how fast it is: writes, reads, lists
// and removes small and large objects of its own below check/, and tells each thing that it found
// as one sentence with its remedy. Knows no repository and no driver: any ObjectStore will do. Not
// here: where credentials come from, whether the store's name resolves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "restored/object_store.h"
#include "restored/units.h"

namespace restored::store {

enum class Verdict : std::uint8_t { ok, warning, failed };
std::string_view name(Verdict verdict);  // "ok", "warning", "failed"

struct Finding {
  std::string check;  // one word, the same for ever: "write"
  Verdict verdict = Verdict::ok;
  std::string message;
  std::string remedy;                    // empty when all is well
  ErrorCode code = ErrorCode::internal;  // of a failed one
};

Finding well(std::string check, std::string message);
Finding warning(std::string check, std::string message, std::string remedy);
Finding failure(std::string check, const Error& error);

// How far our clock is ahead of the store's, which told `theirs` (in whole seconds, perhaps) at
// some time from `before` to `after`; 0: not for certain.
UnixMillis clock_ahead(UnixMillis before, UnixMillis theirs, UnixMillis after);
// Whether a difference between the store's clock and ours, in milliseconds and positive when ours
// is ahead, is one to act on.
Finding judge_clock(std::string check, UnixMillis ahead);

// 0: not measured, because something failed before.
struct Measured {
  double latency_median_millis = 0;
  double latency_p99_millis = 0;
  double read_bytes_per_second = 0;
  unsigned reads_in_flight = 0;  // the most at once
  double write_bytes_per_second = 0;
  unsigned writes_in_flight = 0;
};

struct CheckOptions {
  std::uint64_t size_bytes = 64 * kMiB;  // of the large object
  unsigned latency_reads = 100;
  const Clock* clock = &system_clock();  // ours, beside the store's
};
inline constexpr std::uint64_t check_size_bytes_min = 1 * kMiB;
inline constexpr std::uint64_t check_size_bytes_max = 16 * kGiB;

struct CheckReport {
  std::vector<Finding> findings;
  Measured measured;

  // Null: nothing failed.
  const Finding* first_failure() const;
};

// Each finding is told as soon as it is known. What was made is removed at the end, whatever
// failed, and when the stop came; `call` otherwise bounds every step by its stop. A store that
// cannot be reached at all ends the check at once.
// REQUIRES: options.size_bytes within the bounds above.
CheckReport check_repository(ObjectStore& store, const CheckOptions& options, const StoreCall& call,
                             const std::function<void(const Finding&)>& tell);

}  // namespace restored::store
