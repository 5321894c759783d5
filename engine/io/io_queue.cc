#include "io/io_queue.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "io/request.h"

namespace restored::io {

void run_completion(Finished& finished) noexcept {
  try {
    finished.done(std::move(finished.result));
  } catch (...) {
    check_failed("completions do not throw", __FILE__, __LINE__, "nobody is there to catch it");
  }
  finished.done = nullptr;  // what it holds (a lease, a pointer) ends here and not later
}

void BusyClock::begin() {
  MutexLock lock(mutex_);
  if (active_++ == 0) since_ = Time::now();
}

void BusyClock::end() {
  MutexLock lock(mutex_);
  if (--active_ == 0) total_ += Time::now() - since_;
}

double BusyClock::seconds() const {
  MutexLock lock(mutex_);
  auto total = total_;
  if (active_ > 0) total += Time::now() - since_;
  return std::chrono::duration<double>(total).count();
}

Result<std::unique_ptr<IoQueue>> open_io_queue(IoQueueOptions options) {
  if (options.depth == 0) return fail(ErrorCode::invalid_argument, "an I/O queue of depth 0");
  if (!options.io_uring) return open_pool_queue(options);
  std::string note = probe().note;
  if (probe().io_uring) {
    auto ring = open_ring_queue(options);
    if (ring) return ring;
    note = ring.error().message;
  }
  log::warning("io", "reading and writing without io_uring: {}", note);
  return open_pool_queue(options);
}

namespace {

// Waits for the pieces of one read.
struct Join {
  explicit Join(std::size_t pieces) : pending(pieces) {}

  Mutex mutex;
  ConditionVariable changed;
  std::size_t pending GUARDED_BY(mutex);
  std::size_t first_failed GUARDED_BY(mutex) = 0;
  std::optional<Error> error GUARDED_BY(mutex);
};

}  // namespace

Result<void> read_parallel(IoQueue& queue, File& file, std::uint64_t offset,
                           std::span<std::byte> into) {
  Join join((into.size() + limits::write_bytes_max - 1) / limits::write_bytes_max);
  for (std::size_t begin = 0; begin < into.size(); begin += limits::write_bytes_max) {
    const auto piece =
        into.subspan(begin, std::min<std::size_t>(limits::write_bytes_max, into.size() - begin));
    queue.submit_read(file, offset + begin, piece, [&join, begin](Result<void> result) {
      MutexLock lock(join.mutex);
      // The failure nearest to the front is the one to report, whichever ended first.
      if (!result && (!join.error || begin < join.first_failed)) {
        join.error = std::move(result).error();
        join.first_failed = begin;
      }
      // Notified under the lock: the waiter's frame may be gone as soon as it is free.
      if (--join.pending == 0) join.changed.notify_all();
    });
  }
  MutexLock lock(join.mutex);
  while (join.pending > 0) join.changed.wait(join.mutex);
  if (join.error) return std::unexpected(std::move(*join.error));
  return {};
}

}  // namespace restored::io
