// Seeded files, put into a repository by the product's own upload, as a fetch wants them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parts.h"
#include "pipeline/fetch.h"
#include "pipeline/upload.h"
#include "restored/error.h"

namespace restored::bench {

struct SeededContent {
  std::uint64_t bytes = 0;
  std::uint64_t file_bytes = 0;
  double compressible = 0.5;
  // Each object becomes so many files: a long restore from a small store.
  unsigned copies = 1;
};

struct SeededObjects {
  std::vector<pipeline::UploadedFile> uploaded;  // has the frames of:
  std::vector<pipeline::FetchFile> files;        // with targets in <directory>/target
  std::uint64_t content_bytes = 0;               // of all files, copies included
  std::uint64_t stored_bytes = 0;                // that a fetch of them transfers
  double upload_seconds = 0;
};

// Works in `directory`, which must exist.
Result<SeededObjects> make_seeded_objects(const SeededContent& content, const Parts& parts,
                                          const std::string& directory, unsigned threads);

}  // namespace restored::bench
