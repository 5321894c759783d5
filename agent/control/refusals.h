// Which of the requests that were refused at the door are in the audit.
#pragma once

#include <cstdint>
#include <optional>

#include "base/mutex.h"
#include "control/request_rate.h"

namespace restored::control {

// Requests that change nothing, because who sent them was not let in: anybody can send them, so
// only so many a minute have an entry.
// Threading: all methods may be called from any thread at once.
class Refusals {
 public:
  // Whether this one has an entry; then how many had none since the last that had.
  std::optional<std::uint64_t> take();
  // So many have no entry after all.
  void give_back(std::uint64_t count);

 private:
  Mutex mutex_;
  Bucket bucket_ GUARDED_BY(mutex_);
  std::uint64_t unrecorded_ GUARDED_BY(mutex_) = 0;
};

}  // namespace restored::control
