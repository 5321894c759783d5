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
#include "pipeline/encode_turns.h"
#include "pipeline/upload.h"
#include "restored/error.h"
#include "restored/store_call.h"

namespace restored::pipeline {

// Threading: one thread at a time; keep one per thread (it owns a zstd context).
class FileEncoder {
 public:
  // The memory that one file takes at most, from its beginning to its end.
  static std::uint64_t lease_bytes_max();

  FileEncoder(const UploadEnvironment& environment, EncodeTurns& turns);

  // Waits for the file's memory, opens and reads the whole file: its frames (without stored
  // lengths) and its name as content.
  // Errors: cancelled, corruption (it has not the size it should), io_error.
  Result<UploadedFile> hash(const UploadFile& file, const std::stop_token& stop);

  // REQUIRES: `uploaded` is hash()'s answer for the same file. Encodes it into a new object and
  // fills in the stored lengths. Errors: as above, store errors; the upload is abandoned then.
  Result<void> encode(const UploadFile& file, UploadedFile& uploaded, IfExists if_exists,
                      const StoreCall& call);

  // Gives the memory back; the file's pages will not be needed again. To be called at every end.
  void end_file();

 private:
  // An object being written: what is encoded and not yet with the store.
  struct Object;

  Result<void> acquire_memory(const UploadFile& file, const std::stop_token& stop);
  Result<void> encode_into(Object& object, const UploadFile& file, const std::stop_token& stop);
  Result<void> encode_frame(Object& object, const UploadFile& file, std::uint64_t index,
                            std::span<const std::byte> content, const std::stop_token& stop);
  Result<void> send_part(Object& object);
  Result<void> commit(Object& object);
  void note_stored(Object& object, std::uint64_t stored_bytes);

  // Calls visit for each frame's content, in order.
  Result<void> for_each_frame(
      const UploadFile& file, const std::stop_token& stop,
      const std::function<Result<void>(std::uint64_t index, std::span<const std::byte> content)>&
          visit);

  const UploadEnvironment& environment_;
  EncodeTurns& turns_;
  format::FrameEncoder encoder_;
  format::ContentNamer namer_;
  MemoryLease memory_;            // of the file under way
  std::span<std::byte> content_;  // of memory_: one read
  std::span<std::byte> stored_;   // of memory_: a part, and what is over when it is full
  std::unique_ptr<io::File> file_;
};

}  // namespace restored::pipeline
