// The sink of a verification: decoded pieces were compared with the frame index already; here
// they are compared with the object's own seek table, which a restore does not read but other
// tools do, and let go.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <unordered_map>
#include <vector>

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
             std::function<void()> file_done);

  // Reads the object's seek table and size. Errors: corruption, store errors.
  Result<void> open(const Range& range, std::stop_token stop) override;
  Result<void> accept(Piece piece) override;

 private:
  struct Object {
    std::once_flag opened;
    std::optional<Error> error;            // written under opened
    std::vector<format::SeekEntry> table;  // written under opened
    std::uint64_t frames_left = 0;         // guarded by mutex_
  };
  Result<void> read_table(const Range& range, Object& object, std::stop_token stop) const;
  Object& object(std::size_t file_index);
  void note_checked(std::size_t file_index, std::uint64_t frames);

  const std::span<const FetchFile> files_;
  const FetchEnvironment& environment_;
  const std::function<void()> file_done_;
  Mutex mutex_;
  std::unordered_map<std::size_t, std::unique_ptr<Object>> objects_ GUARDED_BY(mutex_);
};

}  // namespace restored::pipeline
