// How often somebody may do something: token buckets, full at the beginning.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <unordered_map>

#include "base/mutex.h"
#include "restored/ids.h"

namespace restored::control {

// Threading: like a value.
class Bucket {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Takes one of at most `burst`, of which `per_second` come back in a second; false: there is
  // none.
  bool take(double per_second, double burst, Time now);

 private:
  double level_ = 0;
  std::optional<Time> at_;  // nothing: full
};

// Requests of each token in a second, and as many at once.
// Threading: all methods may be called from any thread at once.
class RequestRate {
 public:
  explicit RequestRate(unsigned per_second = 0) : per_second_(per_second) {}  // 0: no limit

  bool take(const TokenId& token, Bucket::Time now = std::chrono::steady_clock::now());
  unsigned per_second() const { return per_second_; }
  std::size_t buckets() const;  // for tests: those in memory

 private:
  struct Account {
    Bucket bucket;
    Bucket::Time used;
  };

  const unsigned per_second_;
  mutable Mutex mutex_;
  std::unordered_map<TokenId, Account> accounts_ GUARDED_BY(mutex_);
};

}  // namespace restored::control
