// Asynchronous reads and writes over io_uring, or over a small pool of pread/pwrite threads where
// the kernel refuses it. One thread of its own owns the ring; callers submit from anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/memory_budget.h"
#include "io/file_system.h"
#include "restored/error.h"
#include "restored/limits.h"

namespace restored::io {

struct Probe {
  bool io_uring = false;
  std::string note;  // why not, and the remedy; empty when all is well
};
// What this kernel and container allow; asked once, cheap afterwards.
const Probe& probe();

// Called on a thread of the queue, once for every accepted request, never two at once: must be
// short, must not block and must not submit. The memory and the file belong to the kernel until
// then.
using Completion = std::function<void(Result<void>)>;

struct IoQueueOptions {
  bool io_uring = true;
  unsigned depth = limits::ring_depth;
  // Memory whose arena is registered as fixed buffers, piece by piece as requests touch it, and
  // let go when the queue has been idle for a moment; null: plain buffers only. Outlives the
  // queue. When RLIMIT_MEMLOCK forbids it, plain buffers are used and the log says so once.
  MemoryBudget* memory = nullptr;
};

// Threading: submit from any thread at once. At most `depth` requests are with the kernel;
// submit blocks while four times as many wait.
class IoQueue {
 public:
  virtual ~IoQueue() = default;  // waits for every accepted request

  // Writes or reads all of `bytes` (short results are re-submitted for the rest). On a direct
  // file, offset, size and memory are aligned. REQUIRES: file outlives the completion.
  virtual void submit_write(File& file, std::uint64_t offset, std::span<const std::byte> bytes,
                            Completion done) = 0;
  // corruption when the file ends before.
  virtual void submit_read(File& file, std::uint64_t offset, std::span<std::byte> bytes,
                           Completion done) = 0;

  // Whether this queue runs on io_uring, and whether it uses registered buffers (false once the
  // kernel has refused them).
  virtual bool on_ring() const = 0;
  virtual bool registered() const = 0;
  // Seconds during which at least one request was with the kernel.
  virtual double busy_seconds() const = 0;
};

Result<std::unique_ptr<IoQueue>> open_io_queue(IoQueueOptions options);

// Reads the whole span in pieces of limits::write_bytes_max at once and waits for all of them.
Result<void> read_parallel(IoQueue& queue, File& file, std::uint64_t offset,
                           std::span<std::byte> into);

}  // namespace restored::io
