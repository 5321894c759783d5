// How fast an object store is: large objects written and read in parallel, small reads one after
// the other. Every byte that is read is compared with what was written. Part of repository_check.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "restored/object_store.h"

namespace restored::store {

// Content that does not compress, and whose parts differ: a block with the part's number in front.
class CheckContent {
 public:
  explicit CheckContent(std::uint64_t seed);
  // The first `bytes` of part `number`; at most limits::upload_part_bytes.
  std::vector<std::byte> part(std::uint64_t number, std::uint64_t bytes) const;
  bool matches(std::uint64_t number, std::span<const std::byte> bytes) const;

 private:
  std::vector<std::byte> block_;
};

struct Speed {
  double bytes_per_second = 0;
  unsigned in_flight = 0;  // the most at once
};

// One object of `bytes`, in parts. On error nothing is left under the key, but for one whose
// outcome the store did not tell. Errors: the store's.
Result<void> upload_content(ObjectStore& store, const std::string& key, const CheckContent& content,
                            std::uint64_t bytes, const StoreCall& call);

// One object under each key, `bytes` together, each on a thread of its own. Errors: as above.
Result<Speed> measure_writes(ObjectStore& store, const std::vector<std::string>& keys,
                             const CheckContent& content, std::uint64_t bytes,
                             const StoreCall& call);

// Reads the object that upload_content() made, in ranges, as many at once as the store gives turns:
// once as a whole at least, then for a few seconds.
// Errors: corruption (other bytes than were written), the store's.
Result<Speed> measure_reads(ObjectStore& store, const std::string& key, const CheckContent& content,
                            std::uint64_t bytes, const StoreCall& call);

struct Latency {
  double median_millis = 0;
  double p99_millis = 0;
  unsigned reads = 0;
};
// Reads of a whole small object, one after the other, for a few seconds at most.
// Errors: the store's.
Result<Latency> measure_latency(ObjectStore& store, const std::string& key, std::size_t bytes,
                                unsigned reads, const StoreCall& call);

}  // namespace restored::store
