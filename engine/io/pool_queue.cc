// The IoQueue without io_uring: a few threads that call pread and pwrite through File.
#include <algorithm>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "base/thread_priority.h"
#include "io/request.h"

namespace restored::io {
namespace {

// More threads than a disk of one host answers at once only cost memory.
constexpr unsigned pool_threads_max = 8;

// Threading: as IoQueue. mutex_ guards the queues; a request belongs to the worker that took it.
class PoolQueue final : public IoQueue {
 public:
  explicit PoolQueue(unsigned depth) : waiting_max_(std::size_t{4} * depth) {
    const unsigned count = std::min(depth, pool_threads_max);
    workers_.reserve(count);
    for (unsigned index = 0; index < count; ++index) {
      workers_.emplace_back([this] { work(); });
    }
  }

  ~PoolQueue() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    arrived_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  void submit_write(File& file, std::uint64_t offset, std::span<const std::byte> bytes,
                    Completion done) override {
    submit(write_request(file, offset, bytes, std::move(done)));
  }
  void submit_read(File& file, std::uint64_t offset, std::span<std::byte> bytes,
                   Completion done) override {
    submit(read_request(file, offset, bytes, std::move(done)));
  }
  bool on_ring() const override { return false; }
  bool registered() const override { return false; }
  double busy_seconds() const override { return busy_.seconds(); }

 private:
  void submit(Request request) EXCLUDES_LOCK(mutex_) {
    RESTORED_CHECK(request.done, "a request has a completion");
    {
      MutexLock lock(mutex_);
      RESTORED_CHECK(completing_ != std::this_thread::get_id(), "completions do not submit");
      while (waiting_.size() >= waiting_max_) left_.wait(mutex_);
      waiting_.push_back(std::move(request));
    }
    arrived_.notify_one();
  }

  void work() noexcept EXCLUDES_LOCK(mutex_) {
    enter_background_thread("io-pool");
    while (auto request = take()) {
      busy_.begin();
      Result<void> result = perform(*request);
      busy_.end();
      complete({std::move(request->done), std::move(result)});
    }
  }

  std::optional<Request> take() EXCLUDES_LOCK(mutex_) {
    std::optional<Request> request;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && !stopping_) arrived_.wait(mutex_);
      if (waiting_.empty()) return std::nullopt;  // stopping, and nothing accepted is left
      request = std::move(waiting_.front());
      waiting_.pop_front();
    }
    left_.notify_one();
    return request;
  }

  static Result<void> perform(const Request& request) {
    if (request.bytes == 0) return {};
    if (request.write) {
      return request.file->write_at(request.offset, {request.memory, request.bytes});
    }
    return request.file->read_at(request.offset, {request.memory, request.bytes});
  }

  // Never two at once: a worker that finds another one at it leaves its completion to that one.
  void complete(Finished finished) EXCLUDES_LOCK(mutex_) {
    {
      MutexLock lock(mutex_);
      finished_.push_back(std::move(finished));
      if (completing_ != std::thread::id()) return;
      completing_ = std::this_thread::get_id();
    }
    for (;;) {
      std::deque<Finished> ready;
      {
        MutexLock lock(mutex_);
        if (finished_.empty()) {
          completing_ = std::thread::id();
          return;
        }
        ready.swap(finished_);
      }
      for (auto& each : ready) run_completion(each);
    }
  }

  const std::size_t waiting_max_;
  BusyClock busy_;
  Mutex mutex_;
  ConditionVariable arrived_;
  ConditionVariable left_;
  std::deque<Request> waiting_ GUARDED_BY(mutex_);
  std::deque<Finished> finished_ GUARDED_BY(mutex_);
  std::thread::id completing_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace

std::unique_ptr<IoQueue> open_pool_queue(const IoQueueOptions& options) {
  return std::make_unique<PoolQueue>(options.depth);
}

}  // namespace restored::io
