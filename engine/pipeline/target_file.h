// One file being built: its descriptor and which of its frames are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "io/file_system.h"
#include "pipeline/fetch.h"
#include "pipeline/written_frames.h"
#include "restored/error.h"

namespace restored::pipeline {

// Threading: open() by one thread, before anything else; the note methods from any thread at once;
// sync() and close() from the thread that was given a checkpoint. After the complete one was given
// out, whoever noted a write no longer touches the file, so it may be destroyed after close().
class TargetFile {
 public:
  using Checkpoint = WrittenFrames::Checkpoint;

  TargetFile(std::size_t index, const FetchFile& file);

  std::size_t index() const { return index_; }
  const FetchFile& spec() const { return spec_; }

  // Opens it, with room for its content and the last write's padding. A file of which nothing is
  // present is made anew: what stands under its name may be a link to somebody else's data.
  Result<void> open(io::FileSystem& files, io::Caching caching);
  // REQUIRES: open() succeeded.
  io::File& file() { return *file_; }

  // Answers the sync that is due now, if one is. No frames at all are fine: a file of which
  // nothing is missing is complete.
  std::optional<Checkpoint> note_written(FrameSpan frames);
  std::optional<Checkpoint> note_synced(const Checkpoint& checkpoint);

  // The device has what the checkpoint covers when it returns; a complete file has its exact size.
  Result<void> sync(const Checkpoint& checkpoint);
  Result<void> close();

 private:
  const std::size_t index_;
  const FetchFile& spec_;
  std::unique_ptr<io::File> file_;
  Mutex mutex_;
  WrittenFrames written_ GUARDED_BY(mutex_);
};

}  // namespace restored::pipeline
