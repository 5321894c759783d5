#include "catalog/write_gate.h"

#include "base/check.h"

namespace restored {

WriteGate::~WriteGate() {
  MutexLock lock(mutex_);
  RESTORED_CHECK(permits_ == 0, "a write permit outlived its database");
  RESTORED_CHECK(waiters_.empty(), "a writer waits at a gate that will never open");
}

std::shared_ptr<const Generation> WriteGate::live() const {
  MutexLock lock(mutex_);
  return live_;
}

WritePermit WriteGate::try_enter() {
  MutexLock lock(mutex_);
  if (closed_) return {};
  ++permits_;
  return WritePermit(this, live_);
}

void WriteGate::when_open(std::function<void()> resume) {
  {
    MutexLock lock(mutex_);
    if (closed_) {
      waiters_.push_back(std::move(resume));
      return;
    }
  }
  resume();
}

WriteGate::Closed WriteGate::close() {
  MutexLock lock(mutex_);
  RESTORED_CHECK(!closed_, "one swap at a time closes the gate");
  closed_ = true;
  return Closed(this);
}

void WriteGate::leave() noexcept {
  MutexLock lock(mutex_);
  RESTORED_CHECK(permits_ > 0, "each permit leaves once");
  // Under the lock: whoever waits for the last permit may destroy the gate right after.
  if (--permits_ == 0 && closed_) drained_.notify_all();
}

void WriteGate::open() {
  std::vector<std::function<void()>> waiters;
  {
    MutexLock lock(mutex_);
    RESTORED_CHECK(closed_, "only a closed gate is opened");
    closed_ = false;
    waiters.swap(waiters_);
  }
  for (const auto& resume : waiters) resume();
}

void WriteGate::Closed::drain() {
  MutexLock lock(gate_->mutex_);
  while (gate_->permits_ > 0) gate_->drained_.wait(gate_->mutex_);
}

std::shared_ptr<const Generation> WriteGate::Closed::publish(
    std::shared_ptr<const Generation> generation) {
  RESTORED_CHECK(generation != nullptr, "something is always live");
  MutexLock lock(gate_->mutex_);
  RESTORED_CHECK(gate_->permits_ == 0, "nobody may write while what is live changes");
  return std::exchange(gate_->live_, std::move(generation));
}

WritePermit& WritePermit::operator=(WritePermit&& other) noexcept {
  if (this != &other) {
    release();
    gate_ = std::exchange(other.gate_, nullptr);
    generation_ = std::move(other.generation_);
  }
  return *this;
}

void WritePermit::release() noexcept {
  // The generation first: when the gate is empty its database may go.
  generation_.reset();
  if (WriteGate* gate = std::exchange(gate_, nullptr)) gate->leave();
}

}  // namespace restored
