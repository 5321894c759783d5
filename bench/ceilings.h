// What this machine could do at best with the same bytes: each resource of a restore alone, and,
// because store and state share a device here, reading and writing at once. Measured with the
// restore's own store, queue, range sizes and request sizes, so that what is left between a
// restore and its slowest ceiling is the pipeline's own doing.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "pipeline/fetch.h"
#include "restored/error.h"

namespace restored::bench {

struct Ceilings {
  double store_read_seconds = 0;
  double decode_seconds = 0;  // on all cores, with hashing, from memory to memory
  double device_write_seconds = 0;
  double read_and_write_seconds = 0;
  bool shared_device = true;  // otherwise the last one is no ceiling

  double slowest_seconds() const;
  const char* slowest_name() const;
};

// Reads every object of `files` cold (when the cache may be dropped), decodes up to 512 MiB of
// them and scales, and writes files of the same sizes below `scratch_directory`, removed
// afterwards.
Result<Ceilings> measure_ceilings(std::span<const pipeline::FetchFile> files,
                                  const pipeline::FetchEnvironment& environment,
                                  const std::string& scratch_directory, bool shared_device);

}  // namespace restored::bench
