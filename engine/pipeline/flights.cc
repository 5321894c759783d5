#include "pipeline/flights.h"

#include <algorithm>

#include "base/check.h"

namespace restored::pipeline {

Result<void> Flight::acquire_memory(MemoryBudget& budget, std::stop_token stop) {
  const std::uint64_t align = limits::io_alignment;
  const std::uint64_t needed_end = range.stored_offset + range.stored_bytes + range.table_bytes;
  const std::uint64_t read_end = std::min(round_up(needed_end, align), range.object_bytes);
  read_offset = range.stored_offset / align * align;
  const std::uint64_t read_bytes = read_end - read_offset;
  const std::uint64_t content_at = round_up(read_bytes, align);
  const std::uint64_t content_padded = round_up(range.content_bytes, align);
  RESTORED_CHECK(content_at + content_padded <= limits::range_lease_bytes_max,
                 "a range fits into the lease that the smallest budget is made for");
  RESTORED_TRY(lease_, budget.acquire(content_at + content_padded, std::move(stop)));
  read_into = lease_.bytes().first(read_bytes);
  stored = read_into.subspan(range.stored_offset - read_offset, range.stored_bytes);
  table = read_into.subspan(needed_end - range.table_bytes - read_offset, range.table_bytes);
  content = lease_.bytes().subspan(content_at, content_padded);
  return {};
}

FlightHold& FlightHold::operator=(FlightHold&& other) noexcept {
  if (this != &other) {
    reset();
    flight_ = std::exchange(other.flight_, nullptr);
  }
  return *this;
}

FlightHold FlightHold::share() const {
  // Relaxed: the caller's own hold keeps the count above zero.
  flight_->holds_.fetch_add(1, std::memory_order_relaxed);
  return FlightHold(flight_);
}

void FlightHold::reset() noexcept {
  Flight* flight = std::exchange(flight_, nullptr);
  if (flight == nullptr) return;
  // acq_rel: the last holder must see everything the others did with the memory.
  if (flight->holds_.fetch_sub(1, std::memory_order_acq_rel) == 1) flight->owner_->land(*flight);
}

Flights::Flights(std::span<const FetchFile> files) : files_(files), plan_(files) {
  for (std::size_t index = 0; index < slots_.size(); ++index) {
    slots_[index].owner_ = this;
    free_[index] = &slots_[index];
  }
}

Flights::~Flights() {
  RESTORED_CHECK(free_count_ == slots_.size(), "every flight landed before its table ends");
}

Result<std::optional<FlightHold>> Flights::take(std::stop_token stop) {
  MutexLock lock(mutex_);
  const auto may_go_on = [this]() NO_THREAD_SAFETY_ANALYSIS {
    const Range* next = plan_.peek();
    if (next == nullptr) return true;
    return free_count_ > 0 && (!next->begins_file || files_open_ < limits::target_files_open_max);
  };
  if (stop.stop_requested() || !changed_.wait(mutex_, std::move(stop), may_go_on)) {
    return fail(ErrorCode::cancelled, "stopped");
  }
  const Range* next = plan_.peek();
  if (next == nullptr) return std::optional<FlightHold>();
  Flight* flight = free_[--free_count_];
  flight->range = *next;
  flight->file = &files_[next->file_index];
  flight->holds_.store(1, std::memory_order_relaxed);  // published by the mutex
  if (next->begins_file) ++files_open_;
  plan_.pop();
  // Another waiter may have waited for what this range needed and the next one does not.
  changed_.notify_all();
  return std::optional<FlightHold>(FlightHold(flight));
}

void Flights::file_done() {
  MutexLock lock(mutex_);
  RESTORED_CHECK(files_open_ > 0, "a file ends once");
  --files_open_;
  changed_.notify_all();
}

void Flights::wait_landed() {
  MutexLock lock(mutex_);
  while (free_count_ < slots_.size()) changed_.wait(mutex_);
}

void Flights::land(Flight& flight) noexcept {
  // The lease has its own lock: never taken under ours.
  flight.lease_.release();
  flight.read_into = {};
  flight.stored = {};
  flight.table = {};
  flight.content = {};
  flight.file = nullptr;
  MutexLock lock(mutex_);
  free_[free_count_++] = &flight;
  changed_.notify_all();
}

}  // namespace restored::pipeline
