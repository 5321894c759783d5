// The sink of a verification: decoded pieces were compared with the frame index already; what is
// left is that the object ends where it should.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>

#include "base/mutex.h"
#include "pipeline/fetch.h"
#include "pipeline/piece.h"
#include "restored/error.h"

namespace restored::pipeline {

// Threading: all methods from any thread at once.
class CheckStage : public Sink {
 public:
  // `file_done` is called when a file's last frame was checked, from the thread that did.
  CheckStage(std::span<const FetchFile> files, const FetchEnvironment& environment,
             std::function<void(std::size_t file_index)> file_done);

  // Compares the object's size. Errors: corruption, store errors.
  Result<void> open(const Range& range, const StoreCall& call) override;
  Result<void> accept(Piece piece) override;

 private:
  void note_checked(std::size_t file_index, std::uint64_t frames);

  const std::span<const FetchFile> files_;
  const FetchEnvironment& environment_;
  const std::function<void(std::size_t file_index)> file_done_;
  Mutex mutex_;
  // Of the files under way: frames not yet checked.
  std::unordered_map<std::size_t, std::uint64_t> frames_left_ GUARDED_BY(mutex_);
};

}  // namespace restored::pipeline
