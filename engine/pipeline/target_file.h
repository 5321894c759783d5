// One file being built: its descriptor and which of its frames are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "base/mutex.h"
#include "io/file_system.h"
#include "pipeline/fetch.h"
#include "pipeline/written_frames.h"
#include "restored/error.h"

namespace restored::pipeline {

// Threading: open() and the note methods from any thread at once; finish() and drop_cache from
// the thread that was given the complete checkpoint. After it gave that out, whoever noted a
// write no longer touches the file, so finish() may be followed by its destruction.
class TargetFile {
 public:
  using Checkpoint = WrittenFrames::Checkpoint;

  TargetFile(std::size_t index, const FetchFile& file);

  std::size_t index() const { return index_; }
  const FetchFile& spec() const { return spec_; }

  // Opens the file once, whoever comes first, with room for its content and the last write's
  // padding. A file of which nothing is present is made anew: what stands under its name may be
  // a link to somebody else's data. Answers a checkpoint when nothing is missing.
  Result<std::optional<Checkpoint>> open(io::FileSystem& files, io::Caching caching);
  // REQUIRES: open() succeeded.
  io::File& file() { return *file_; }

  std::optional<Checkpoint> note_written(FrameSpan frames);
  std::optional<Checkpoint> note_synced(const Checkpoint& checkpoint);

  // The device has what the checkpoint covers when it returns; a complete file has its exact size.
  Result<void> sync(const Checkpoint& checkpoint);
  Result<void> close();

 private:
  Result<std::unique_ptr<io::File>> open_file(io::FileSystem& files, io::Caching caching) const;

  const std::size_t index_;
  const FetchFile& spec_;
  std::once_flag opened_;
  std::unique_ptr<io::File> file_;   // written under opened_
  std::optional<Error> open_error_;  // written under opened_
  Mutex mutex_;
  WrittenFrames written_ GUARDED_BY(mutex_);
};

}  // namespace restored::pipeline
