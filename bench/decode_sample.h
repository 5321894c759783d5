// Frames of a backup in memory, to be decoded by all cores: the ceiling of decoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/fetch.h"
#include "restored/error.h"

namespace restored::bench {

class DecodeSample {
 public:
  // Whole files from the beginning, up to 512 MiB of content.
  static Result<DecodeSample> load(std::span<const pipeline::FetchFile> files,
                                   const pipeline::FetchEnvironment& environment);

  std::uint64_t content_bytes() const { return content_bytes_; }
  // Decodes and hashes so much content, beginning anew where the sample ends. Seconds.
  Result<double> decode(std::uint64_t bytes) const;

 private:
  struct Entry {
    const pipeline::FetchFile* file = nullptr;
    std::uint64_t frame = 0;
    std::span<const std::byte> stored;
  };
  std::vector<std::vector<std::byte>> objects_;
  std::vector<Entry> frames_;
  std::uint64_t content_bytes_ = 0;
};

}  // namespace restored::bench
