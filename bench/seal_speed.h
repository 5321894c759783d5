// How fast this machine seals: the ceiling of encrypted backups.
#pragma once

namespace restored::bench {

struct SealSpeed {
  double seal_bytes_per_second = 0;  // of stored frames, on all cores, from memory to memory
  double open_bytes_per_second = 0;
  double name_bytes_per_second = 0;  // of content, for its keyed name
  double seal_one_core = 0;
};

// Takes two seconds.
SealSpeed measure_seal_speed();

}  // namespace restored::bench
