// The IoQueue over io_uring. One thread makes the ring, fills it, and reaps it, so that the kernel
// may leave out its own locking (SINGLE_ISSUER) and run completions when that thread asks for them
// (DEFER_TASKRUN). Submitters put requests into a queue and wake it through an eventfd.
#include <fmt/format.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/thread_priority.h"
#include "base/unique_fd.h"
#include "io/errno_error.h"
#include "io/registered_arena.h"
#include "io/request.h"

namespace restored::io {
namespace {

constexpr std::uint64_t wake_tag = ~std::uint64_t{0} - 1;  // liburing's own tag is ~0
constexpr unsigned attempts_max = 100;
constexpr std::size_t submission_bytes_max = 1 * kGiB;  // the kernel takes 2 GiB - 4 KiB at once
constexpr long long idle_seconds = 1;                   // then registered memory is let go

// Threading: as IoQueue. mutex_ guards what submitters touch; everything else below "ring
// thread" belongs to that thread alone once the constructor's caller has seen started_.
class RingQueue final : public IoQueue {
 public:
  RingQueue(const IoQueueOptions& options, UniqueFd wake)
      : depth_(options.depth), wake_(std::move(wake)), arena_(options.memory) {}
  ~RingQueue() override;

  Result<void> start();

  void submit_write(File& file, std::uint64_t offset, std::span<const std::byte> bytes,
                    Completion done) override {
    submit(write_request(file, offset, bytes, std::move(done)));
  }
  void submit_read(File& file, std::uint64_t offset, std::span<std::byte> bytes,
                   Completion done) override {
    submit(read_request(file, offset, bytes, std::move(done)));
  }
  bool on_ring() const override { return true; }
  bool registered() const override { return arena_.usable(); }
  double busy_seconds() const override { return busy_.seconds(); }

 private:
  void submit(Request request) EXCLUDES_LOCK(mutex_);
  void wake() const;

  // Ring thread.
  int open_ring();
  void run() noexcept;
  bool take_requests() EXCLUDES_LOCK(mutex_);
  void arm_wake();
  void prepare(std::size_t slot);
  void enter();
  void reap();
  bool settle(std::size_t slot, int outcome);
  void finish(std::size_t slot, Result<void> result);

  const unsigned depth_;
  const UniqueFd wake_;
  BusyClock busy_;

  Mutex mutex_;
  ConditionVariable left_;
  std::deque<Request> waiting_ GUARDED_BY(mutex_);
  bool asleep_ GUARDED_BY(mutex_) = false;  // the ring thread waits for an arrival
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::optional<int> started_ GUARDED_BY(mutex_);  // errno of the ring's set-up, 0: it runs

  RegisteredArena arena_;
  ::io_uring ring_ = {};
  std::vector<Request> slots_;
  std::vector<std::size_t> free_slots_;
  std::vector<Finished> finished_;
  std::uint64_t wake_count_ = 0;
  bool wake_armed_ = false;
  std::thread thread_;
};

Result<void> RingQueue::start() {
  thread_ = std::thread([this] { run(); });
  int error = 0;
  {
    MutexLock lock(mutex_);
    while (!started_) left_.wait(mutex_);
    error = *started_;
  }
  if (error != 0) return fail_errno(error, "set up", "an io_uring");
  return {};
}

RingQueue::~RingQueue() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

void RingQueue::submit(Request request) {
  RESTORED_CHECK(request.done, "a request has a completion");
  RESTORED_CHECK(std::this_thread::get_id() != thread_.get_id(), "completions do not submit");
  RESTORED_CHECK(!request.file->direct() || (request.offset | request.bytes |
                                             reinterpret_cast<std::uintptr_t>(request.memory)) %
                                                    limits::io_alignment ==
                                                0,
                 "direct files take aligned requests");
  bool asleep = false;
  {
    MutexLock lock(mutex_);
    while (waiting_.size() >= std::size_t{4} * depth_) left_.wait(mutex_);
    waiting_.push_back(std::move(request));
    asleep = std::exchange(asleep_, false);
  }
  if (asleep) wake();
}

void RingQueue::wake() const {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the ring thread is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

int RingQueue::open_ring() {
  const unsigned entries = depth_ + 1;  // one for the eventfd
  // Newest first: DEFER_TASKRUN is of Linux 6.1, SINGLE_ISSUER of 6.0; older kernels say EINVAL.
  for (const unsigned flags : {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0U}) {
    ::io_uring_params parameters = {};
    parameters.flags = flags | IORING_SETUP_CLAMP;
    const int error = -::io_uring_queue_init_params(entries, &ring_, &parameters);
    if (error != EINVAL) return error;
  }
  return EINVAL;
}

void RingQueue::run() noexcept {
  enter_background_thread("io-ring");
  const int error = open_ring();
  if (error == 0) {
    slots_.resize(depth_);
    for (std::size_t slot = depth_; slot > 0; --slot) free_slots_.push_back(slot - 1);
  }
  {
    MutexLock lock(mutex_);
    started_ = error;
    left_.notify_all();
  }
  if (error != 0) return;
  while (take_requests()) {
    enter();
    reap();
    // After reaping, so that a completion that takes its time holds no other one back, and no
    // code of others runs while the ring's queues are half read.
    for (auto& each : finished_) run_completion(each);
    finished_.clear();
  }
  arena_.let_go(ring_);
  ::io_uring_queue_exit(&ring_);
}

// False when the queue stops and nothing is left: neither requests nor the read of the eventfd,
// whose buffer is a member.
bool RingQueue::take_requests() {
  std::vector<std::size_t> taken;
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    while (!waiting_.empty() && !free_slots_.empty()) {
      const std::size_t slot = free_slots_.back();
      free_slots_.pop_back();
      slots_[slot] = std::move(waiting_.front());
      waiting_.pop_front();
      taken.push_back(slot);
    }
    stopping = stopping_;
    // With a full ring only a completion makes room, and that wakes by itself.
    asleep_ = waiting_.empty() && !free_slots_.empty();
  }
  if (!taken.empty()) left_.notify_all();
  for (const std::size_t slot : taken) {
    busy_.begin();
    if (slots_[slot].bytes == 0) {
      finish(slot, {});
    } else {
      prepare(slot);
    }
  }
  if (!stopping && !wake_armed_) arm_wake();
  return !stopping || wake_armed_ || free_slots_.size() < depth_ || !finished_.empty();
}

void RingQueue::arm_wake() {
  ::io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
  RESTORED_CHECK(entry != nullptr, "the ring has an entry for the eventfd");
  ::io_uring_prep_read(entry, wake_.get(), &wake_count_, sizeof wake_count_, 0);
  ::io_uring_sqe_set_data64(entry, wake_tag);
  wake_armed_ = true;
}

void RingQueue::prepare(std::size_t slot) {
  const Request& request = slots_[slot];
  ::io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
  RESTORED_CHECK(entry != nullptr, "the ring has an entry for each slot");
  const int fd = request.file->descriptor();
  std::byte* const memory = request.memory + request.bytes_done;
  const std::uint64_t offset = request.offset + request.bytes_done;
  std::size_t bytes = std::min(request.bytes - request.bytes_done, submission_bytes_max);
  const auto piece = arena_.find({memory, bytes}, ring_);
  // What passes a piece's end is cut there, and goes on like any short result.
  if (piece) bytes = std::min(bytes, piece->bytes);
  const auto length = static_cast<unsigned>(bytes);
  if (piece && request.write) {
    ::io_uring_prep_write_fixed(entry, fd, memory, length, offset, piece->index);
  } else if (piece) {
    ::io_uring_prep_read_fixed(entry, fd, memory, length, offset, piece->index);
  } else if (request.write) {
    ::io_uring_prep_write(entry, fd, memory, length, offset);
  } else {
    ::io_uring_prep_read(entry, fd, memory, length, offset);
  }
  // A device's cache that fills with what nobody waits for makes each sync of somebody else's log
  // wait until it has been emptied.
  if (request.write && request.file->direct()) entry->rw_flags = RWF_DSYNC;
  ::io_uring_sqe_set_data64(entry, slot);
}

// Hands over what was prepared and waits for one completion, or until the queue has been idle for
// long enough to let the registered memory go.
void RingQueue::enter() {
  if (!finished_.empty()) {  // of requests for nothing: do not wait before they are told
    ::io_uring_submit_and_get_events(&ring_);
    return;
  }
  const bool idle = free_slots_.size() == depth_;
  ::__kernel_timespec timeout = {idle_seconds, 0};
  ::io_uring_cqe* first = nullptr;
  const int outcome = ::io_uring_submit_and_wait_timeout(
      &ring_, &first, 1, idle && arena_.holds() ? &timeout : nullptr, nullptr);
  if (outcome >= 0) return;
  switch (-outcome) {
    case ETIME:
      if (idle) arena_.let_go(ring_);
      return;
    case EINTR:
      return;
    case EAGAIN:
    case EBUSY:
    case ENOMEM:  // the kernel is short of memory; what was prepared is handed over again
      std::this_thread::yield();
      return;
    default:
      // Requests are with a kernel that no longer talks to us; their memory can never be freed.
      log::error("io", "io_uring_enter: {}", std::generic_category().message(-outcome));
      check_failed("the ring works", __FILE__, __LINE__, "io_uring_enter fails for good");
  }
}

void RingQueue::reap() {
  std::vector<std::size_t> again;
  unsigned head = 0;
  unsigned count = 0;
  ::io_uring_cqe* each = nullptr;
  io_uring_for_each_cqe(&ring_, head, each) {
    ++count;
    const std::uint64_t tag = ::io_uring_cqe_get_data64(each);
    if (tag == wake_tag) {
      wake_armed_ = false;
    } else if (tag < slots_.size() && !settle(tag, each->res)) {
      again.push_back(tag);
    }
  }
  ::io_uring_cq_advance(&ring_, count);
  for (const std::size_t slot : again) prepare(slot);
}

// True when the request has ended; false when the rest of it is to be submitted again.
bool RingQueue::settle(std::size_t slot, int outcome) {
  Request& request = slots_[slot];
  const char* const call = request.write ? "write" : "read";
  const std::string& path = request.file->path();
  if (outcome == -EINTR || outcome == -EAGAIN) {
    if (++request.attempts_without_progress < attempts_max) return false;
    finish(slot, fail_errno(-outcome, call, path));
    return true;
  }
  if (outcome < 0) {
    finish(slot, fail_errno(-outcome, call, path));
    return true;
  }
  const auto moved = static_cast<std::size_t>(outcome);
  const std::size_t before = request.bytes_done;
  request.bytes_done += moved;
  if (request.bytes_done >= request.bytes) {
    finish(slot, {});
    return true;
  }
  // On a direct file an odd count is the file's end when reading; when writing, the cut block is
  // written again, whole, since direct writes begin at aligned places.
  const bool odd = request.file->direct() && request.bytes_done % limits::io_alignment != 0;
  if (!request.write && (moved == 0 || odd)) {
    finish(slot, std::unexpected(
                     short_file_error(path, request.offset, request.bytes, request.bytes_done)));
    return true;
  }
  if (odd) request.bytes_done -= request.bytes_done % limits::io_alignment;
  if (request.bytes_done > before) {
    request.attempts_without_progress = 0;
  } else if (++request.attempts_without_progress >= attempts_max) {
    finish(slot, fail_errno(EIO, "write (no byte was taken)", path));
    return true;
  }
  return false;
}

void RingQueue::finish(std::size_t slot, Result<void> result) {
  busy_.end();
  finished_.push_back({std::move(slots_[slot].done), std::move(result)});
  slots_[slot] = Request();
  free_slots_.push_back(slot);
}

}  // namespace

Result<std::unique_ptr<IoQueue>> open_ring_queue(const IoQueueOptions& options) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake) return fail_errno(errno, "eventfd", "for an io_uring");
  auto queue = std::make_unique<RingQueue>(options, std::move(wake));
  RESTORED_TRY(queue->start());
  return queue;
}

}  // namespace restored::io
