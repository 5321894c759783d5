#include "base/memory_budget.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <optional>

#include "base/check.h"
#include "base/mutex.h"
#include "restored/limits.h"

namespace restored {
namespace {

constexpr std::uint64_t granularity = limits::io_alignment;

}  // namespace

struct MemoryBudget::State {
  explicit State(std::span<std::byte> mapped) : arena(mapped) { free.emplace(0, arena.size()); }
  ~State() { ::munmap(arena.data(), arena.size()); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::optional<std::uint64_t> take(std::uint64_t bytes) REQUIRES_LOCK(mutex);
  void put(std::uint64_t offset, std::uint64_t bytes) REQUIRES_LOCK(mutex);
  void trim_if_idle() EXCLUDES_LOCK(mutex);

  const std::span<std::byte> arena;
  Mutex mutex;
  ConditionVariable changed;
  // Offset to length, neighbours always merged: an idle arena is one entry, so whatever fits into
  // the budget fits into it.
  std::map<std::uint64_t, std::uint64_t> free GUARDED_BY(mutex);
  std::deque<std::uint64_t> waiters GUARDED_BY(mutex);  // tickets, in order of arrival
  std::uint64_t next_ticket GUARDED_BY(mutex) = 0;
  std::uint64_t in_use_bytes GUARDED_BY(mutex) = 0;
  std::uint64_t peak_bytes GUARDED_BY(mutex) = 0;
  std::uint64_t pins GUARDED_BY(mutex) = 0;
  bool touched GUARDED_BY(mutex) = false;      // leased since the last trim
  bool trim_wanted GUARDED_BY(mutex) = false;  // and not leased since
};

std::optional<std::uint64_t> MemoryBudget::State::take(std::uint64_t bytes) {
  for (auto hole = free.begin(); hole != free.end(); ++hole) {
    const auto [offset, length] = *hole;
    if (length < bytes) continue;
    free.erase(hole);
    if (length > bytes) free.emplace(offset + bytes, length - bytes);
    return offset;
  }
  return std::nullopt;
}

void MemoryBudget::State::put(std::uint64_t offset, std::uint64_t bytes) {
  auto after = free.lower_bound(offset);
  if (after != free.end() && offset + bytes == after->first) {
    bytes += after->second;
    after = free.erase(after);
  }
  if (after != free.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      before->second += bytes;
      return;
    }
  }
  free.emplace(offset, bytes);
}

// The kernel may take milliseconds, so the lock is not held: the whole arena is taken instead, as
// if it were leased, and who wants memory meanwhile waits for it.
void MemoryBudget::State::trim_if_idle() {
  {
    MutexLock lock(mutex);
    if (!trim_wanted || in_use_bytes > 0 || pins > 0 || !waiters.empty()) return;
    if (!take(arena.size())) return;  // another thread is trimming
    trim_wanted = false;
    touched = false;
  }
  ::madvise(arena.data(), arena.size(), MADV_DONTNEED);
  MutexLock lock(mutex);
  put(0, arena.size());
  changed.notify_all();
}

Result<std::unique_ptr<MemoryBudget>> MemoryBudget::make(std::uint64_t budget_bytes) {
  const std::uint64_t bytes = round_up(std::max<std::uint64_t>(budget_bytes, 1), granularity);
  // No huge pages: where a hypervisor takes free ones back, the first touch of each costs
  // milliseconds (256 MiB: 0.8 s instead of 0.11 s), and the thread of the ring waits for it. With
  // small ones reading and writing run at the same speed.
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    return fail(
        ErrorCode::no_space,
        fmt::format("mmap of {} bytes for the memory budget: {}", bytes, std::strerror(errno)),
        "Lower the memory budget, or raise the limit on address space.");
  }
  auto state = std::make_unique<State>(std::span(static_cast<std::byte*>(mapped), bytes));
  return std::unique_ptr<MemoryBudget>(new MemoryBudget(std::move(state)));
}

MemoryBudget::MemoryBudget(std::unique_ptr<State> state) : state_(std::move(state)) {}

MemoryBudget::~MemoryBudget() {
  MutexLock lock(state_->mutex);
  RESTORED_CHECK(state_->in_use_bytes == 0, "the budget outlives its leases");
  RESTORED_CHECK(state_->pins == 0, "the budget outlives its pins");
  RESTORED_CHECK(state_->waiters.empty(), "the budget outlives who waits for it");
}

Result<MemoryLease> MemoryBudget::acquire(std::uint64_t bytes, std::stop_token stop) {
  State& state = *state_;
  if (bytes == 0 || bytes > state.arena.size()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a lease of {} bytes from a memory budget of {} bytes", bytes,
                            state.arena.size()));
  }
  const std::uint64_t rounded = round_up(bytes, granularity);
  MutexLock lock(state.mutex);
  const std::uint64_t ticket = state.next_ticket++;
  state.waiters.push_back(ticket);
  std::optional<std::uint64_t> offset;
  const auto served = [&]() NO_THREAD_SAFETY_ANALYSIS {
    if (state.waiters.front() == ticket) offset = state.take(rounded);
    return offset.has_value();
  };
  if (!stop.stop_requested()) state.changed.wait(state.mutex, stop, served);
  std::erase(state.waiters, ticket);
  state.changed.notify_all();  // the next in line may fit already
  if (!offset) return fail(ErrorCode::cancelled, "stopped while waiting for memory");
  state.in_use_bytes += rounded;
  state.peak_bytes = std::max(state.peak_bytes, state.in_use_bytes);
  state.touched = true;
  state.trim_wanted = false;
  return MemoryLease(this, state.arena.subspan(*offset, bytes));
}

void MemoryBudget::give_back(std::span<std::byte> bytes) noexcept {
  {
    MutexLock lock(state_->mutex);
    const std::uint64_t rounded = round_up(bytes.size(), granularity);
    state_->put(static_cast<std::uint64_t>(bytes.data() - state_->arena.data()), rounded);
    state_->in_use_bytes -= rounded;
    state_->changed.notify_all();
  }
  state_->trim_if_idle();
}

void MemoryBudget::trim() {
  {
    MutexLock lock(state_->mutex);
    state_->trim_wanted = state_->touched;
  }
  state_->trim_if_idle();
}

ArenaPin MemoryBudget::pin() {
  MutexLock lock(state_->mutex);
  // A trim that has begun ends first: pages that are pinned now must not go away.
  while (state_->in_use_bytes == 0 && state_->free.empty()) state_->changed.wait(state_->mutex);
  ++state_->pins;
  return ArenaPin(this);
}

void MemoryBudget::unpin() noexcept {
  {
    MutexLock lock(state_->mutex);
    --state_->pins;
  }
  state_->trim_if_idle();
}

std::uint64_t MemoryBudget::budget_bytes() const {
  return state_->arena.size();
}

std::uint64_t MemoryBudget::in_use_bytes() const {
  MutexLock lock(state_->mutex);
  return state_->in_use_bytes;
}

std::uint64_t MemoryBudget::peak_bytes() const {
  MutexLock lock(state_->mutex);
  return state_->peak_bytes;
}

std::span<std::byte> MemoryBudget::arena() const {
  return state_->arena;
}

MemoryLease::MemoryLease(MemoryLease&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}

MemoryLease& MemoryLease::operator=(MemoryLease&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

void MemoryLease::release() noexcept {
  if (budget_ == nullptr) return;
  std::exchange(budget_, nullptr)->give_back(std::exchange(bytes_, {}));
}

ArenaPin& ArenaPin::operator=(ArenaPin&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
  }
  return *this;
}

void ArenaPin::release() noexcept {
  if (budget_ != nullptr) std::exchange(budget_, nullptr)->unpin();
}

}  // namespace restored
