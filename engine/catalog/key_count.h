// The exact number of live string keys, remembered for as long as it cannot have changed.
#pragma once

#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "base/mutex.h"
#include "catalog/generation.h"
#include "restored/error.h"

namespace restored::catalog {

// Threading: count() from any thread at once.
class KeyCount {
 public:
  explicit KeyCount(const Clock& clock) : clock_(clock) {}

  // Reads every key unless nothing was written to the instance and nothing has expired since the
  // last count of this generation. Errors: of reading; corruption (a record that is none);
  // cancelled, when it was stopped before the end.
  Result<std::uint64_t> count(rocksdb::DB& db, const StoredGeneration& generation,
                              const std::stop_token& stop);

 private:
  struct Memo {
    GenerationNumber generation = 0;
    rocksdb::SequenceNumber sequence = 0;
    UnixMillis counted_at = 0;
    std::optional<UnixMillis> first_expiry;  // of the counted keys
    std::uint64_t keys = 0;
  };
  bool holds(const Memo& memo, rocksdb::DB& db, const StoredGeneration& generation) const;

  const Clock& clock_;
  Mutex mutex_;
  std::optional<Memo> memo_ GUARDED_BY(mutex_);
};

}  // namespace restored::catalog
