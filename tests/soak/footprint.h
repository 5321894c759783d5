// What an agent holds of the machine when it rests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "world.h"

namespace restored::soak_test {

struct Footprint {
  std::uint64_t anonymous_bytes = 0;  // resident memory that is not a file's
  std::uint64_t descriptors = 0;      // but for table files
  std::uint64_t tables = 0;  // descriptors of table files: more or fewer by what is compacted
  std::uint64_t threads = 0;
  std::uint64_t column_families = 0;   // of databases that are always there
  std::uint64_t state_bytes = 0;       // on the disk, as blocks
  std::uint64_t repository_bytes = 0;  // the same
  std::uint64_t operations = 0;        // that it keeps on record: for 30 days, so they only grow
};

Footprint footprint_of(crash_test::World& world);

// What a record of an operation may cost.
inline constexpr std::uint64_t bytes_per_operation = 4096;
// What removed backups leave in the repository until the next collection, at most (seen: 8 MiB, at
// a median of 2).
inline constexpr std::uint64_t uncollected_bytes = 4ULL << 20;

// Empty, or what is more in the last third of `series` than in the one before it, by medians: more
// than two threads or four descriptors; and with `bytes`, for a series that is long enough for
// that, more than a twentieth of memory, a tenth of the repository, and three tenths of the state
// directory, whose logs grow and go in a saw; but for what the operations since cost.
std::string growth_in(const std::vector<Footprint>& series, bool bytes);

}  // namespace restored::soak_test
