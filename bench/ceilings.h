// What this machine could do at best with the same bytes: each resource of a restore alone, and,
// because some resources are shared here, several at once. Measured with the restore's own store,
// queue, range sizes and request sizes (from S3 with a plain download instead of the store), so
// that what is left between a restore and its slowest ceiling is the pipeline's own doing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "pipeline/fetch.h"
#include "plain_download.h"
#include "restored/error.h"

namespace restored::bench {

struct Ceilings {
  double store_read_seconds = 0;  // from S3: a plain download
  unsigned download_threads = 0;  // from S3: how many were the fastest
  double decode_seconds = 0;      // on all cores, with hashing, from memory to memory
  double device_write_seconds = 0;
  // One device holds the objects and the files: reading these while writing those.
  std::optional<double> read_and_write_seconds;
  // The S3 server may have its cores, memory and network card in common with the restore: the
  // download, decoding and writing at once, without a word between them. It does not count for
  // slowest(): a server elsewhere takes nothing from the restore.
  std::optional<double> all_at_once_seconds;

  double slowest_seconds() const;
  const char* slowest_name() const;
};

struct CeilingsTask {
  std::span<const pipeline::FetchFile> files;
  const pipeline::FetchEnvironment& environment;
  std::string scratch_directory;
  bool shared_device = true;
  const PlainDownload* download = nullptr;  // from S3
};

// Reads every object of the files cold (when the cache may be dropped), decodes up to 512 MiB of
// them and scales, and writes files of the same sizes below the scratch directory, removed
// afterwards.
Result<Ceilings> measure_ceilings(const CeilingsTask& task);

}  // namespace restored::bench
