// The sink of a restore: decoded pieces go to their file through the ring, straight from the
// flight's lease. Files are opened ahead of the fetch by threads of their own: making a file can
// wait tens of milliseconds for the file system's journal while other files are synced, and fetch
// threads that waited for that left the device idle for a fifth of the time.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <unordered_map>

#include "base/mutex.h"
#include "pipeline/fetch.h"
#include "pipeline/first_error.h"
#include "pipeline/piece.h"
#include "pipeline/sync_stage.h"
#include "pipeline/target_file.h"
#include "restored/error.h"

namespace restored::pipeline {

// Threading: all methods from any thread at once. REQUIRES of its destructor: every accepted
// piece landed (Flights::wait_landed).
class WriteStage : public Sink {
 public:
  WriteStage(std::span<const FetchFile> files, const FetchEnvironment& environment, SyncStage& sync,
             FirstError& first_error);

  // One opening thread: until all files are open.
  Result<void> open_files(std::stop_token stop);

  // Waits until the file is open.
  Result<void> open(const Range& range, const StoreCall& call) override;
  Result<void> accept(Piece piece) override;

  // The file is complete and closed: forgets it.
  void remove(TargetFile& target);

 private:
  // REQUIRES: open() succeeded for a range of it, and it is not complete.
  TargetFile& target(std::size_t file_index);
  std::optional<std::size_t> next_to_open(std::stop_token stop);
  void count_present(const FetchFile& file);
  void written(TargetFile& target, Flight* flight, FrameSpan frames, std::size_t content_bytes,
               Result<void> outcome);
  void write_begins();
  void write_ends();

  const std::span<const FetchFile> files_;
  const FetchEnvironment& environment_;
  SyncStage& sync_;
  FirstError& first_error_;
  Mutex mutex_;
  ConditionVariable changed_;
  // Open and not yet complete.
  std::unordered_map<std::size_t, std::unique_ptr<TargetFile>> targets_ GUARDED_BY(mutex_);
  std::size_t next_to_open_ GUARDED_BY(mutex_) = 0;
  std::size_t files_wanted_ GUARDED_BY(mutex_) = 0;  // by the fetch: those before this index
  unsigned writes_under_way_ GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::time_point busy_since_ GUARDED_BY(mutex_);
};

}  // namespace restored::pipeline
