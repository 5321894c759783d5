// The two passes of an upload over one file: hash it, and encode it into its object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>

#include "base/memory_budget.h"
#include "format/frame.h"
#include "io/file_system.h"
#include "pipeline/upload.h"
#include "restored/error.h"

namespace restored::pipeline {

// Threading: one thread at a time; keep one per thread (it owns a lease and a zstd context).
class FileEncoder {
 public:
  // Waits for the memory of one read and its frames. Errors: cancelled.
  static Result<FileEncoder> make(const UploadEnvironment& environment, std::stop_token stop);

  // Opens and reads the whole file: its frames (without stored lengths) and its name as content.
  // Errors: cancelled, corruption (it has not the size it should), io_error.
  Result<UploadedFile> hash(const UploadFile& file, std::stop_token stop);

  // REQUIRES: `uploaded` is hash()'s answer for the same file. Encodes it into a new object and
  // fills in the stored lengths. Errors: as above, store errors; no object is left then.
  Result<void> encode(const UploadFile& file, UploadedFile& uploaded, std::stop_token stop);

  // The file's pages will not be needed again.
  void end_file();

 private:
  FileEncoder(const UploadEnvironment& environment, MemoryLease memory);

  // Calls visit for each frame's content, in order.
  Result<void> for_each_frame(
      const UploadFile& file, std::stop_token stop,
      const std::function<Result<void>(std::uint64_t index, std::span<const std::byte> content)>&
          visit);

  const UploadEnvironment& environment_;
  MemoryLease memory_;
  std::span<std::byte> content_;  // of memory_: one read
  std::span<std::byte> stored_;   // of memory_: its frames
  format::FrameEncoder encoder_;
  std::unique_ptr<io::File> file_;
};

}  // namespace restored::pipeline
