// The sink of a restore: decoded pieces go to their file through the ring, straight from the
// flight's lease.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
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

  Result<void> open(const Range& range, std::stop_token stop) override;
  Result<void> accept(Piece piece) override;

  // The file is complete and closed: forgets it.
  void remove(TargetFile& target);

 private:
  TargetFile& target(std::size_t file_index);
  void written(TargetFile& target, Flight* flight, FrameSpan frames, std::size_t content_bytes,
               Result<void> outcome);
  void write_begins();
  void write_ends();

  const std::span<const FetchFile> files_;
  const FetchEnvironment& environment_;
  SyncStage& sync_;
  FirstError& first_error_;
  Mutex mutex_;
  std::unordered_map<std::size_t, std::unique_ptr<TargetFile>> targets_ GUARDED_BY(mutex_);
  unsigned writes_under_way_ GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::time_point busy_since_ GUARDED_BY(mutex_);
};

}  // namespace restored::pipeline
