// One accepted request of an IoQueue, and what both queues share. For this module alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/mutex.h"
#include "io/io_queue.h"

namespace restored::io {

struct Request {
  bool write = false;
  File* file = nullptr;
  std::uint64_t offset = 0;
  std::byte* memory = nullptr;  // only read from when `write`
  std::size_t bytes = 0;
  std::size_t bytes_done = 0;
  unsigned attempts_without_progress = 0;
  Completion done;
};

inline Request write_request(File& file, std::uint64_t offset, std::span<const std::byte> bytes,
                             Completion done) {
  Request request;
  request.write = true;
  request.file = &file;
  request.offset = offset;
  request.memory = const_cast<std::byte*>(bytes.data());
  request.bytes = bytes.size();
  request.done = std::move(done);
  return request;
}

inline Request read_request(File& file, std::uint64_t offset, std::span<std::byte> bytes,
                            Completion done) {
  Request request;
  request.file = &file;
  request.offset = offset;
  request.memory = bytes.data();
  request.bytes = bytes.size();
  request.done = std::move(done);
  return request;
}

struct Finished {
  Completion done;
  Result<void> result;
};

// Runs a completion. One that throws is a mistake of ours: there is nobody to tell.
void run_completion(Finished& finished) noexcept;

// Adds up the time during which at least one request is with the kernel.
// Threading: any thread at once.
class BusyClock {
 public:
  void begin() EXCLUDES_LOCK(mutex_);
  void end() EXCLUDES_LOCK(mutex_);
  double seconds() const EXCLUDES_LOCK(mutex_);

 private:
  using Time = std::chrono::steady_clock;

  mutable Mutex mutex_;
  unsigned active_ GUARDED_BY(mutex_) = 0;
  Time::time_point since_ GUARDED_BY(mutex_);
  Time::duration total_ GUARDED_BY(mutex_){};
};

Result<std::unique_ptr<IoQueue>> open_ring_queue(const IoQueueOptions& options);
std::unique_ptr<IoQueue> open_pool_queue(const IoQueueOptions& options);

}  // namespace restored::io
