// The gate that every write of a database passes, and the pointer to what is live. Both stand
// behind one mutex, so that the generation of a permit is the live one while the permit is held:
// only the holder of a closed gate without permits changes it.
// Not a lock: nobody waits inside; who comes to a closed gate leaves a callback.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "restored/keyspace.h"

namespace restored {

// Threading: all methods from any thread at once. Outlives its permits (checked).
class WriteGate {
 public:
  explicit WriteGate(std::shared_ptr<const Generation> live) : live_(std::move(live)) {}
  ~WriteGate();
  WriteGate(const WriteGate&) = delete;
  WriteGate& operator=(const WriteGate&) = delete;

  std::shared_ptr<const Generation> live() const;
  // An empty permit when the gate is closed.
  WritePermit try_enter();
  // Calls `resume` once: now when the gate is open, else on the thread that opens it.
  void when_open(std::function<void()> resume);

  // A closed gate; opens again when it ends, and then calls those who wait.
  class Closed {
   public:
    Closed(Closed&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Closed& operator=(Closed&&) = delete;
    ~Closed() {
      if (gate_ != nullptr) gate_->open();
    }
    // Until no permit is out. Permits are short: never held across a wait for a client.
    void drain();
    // What is live from now on; returns what was. REQUIRES: drained.
    std::shared_ptr<const Generation> publish(std::shared_ptr<const Generation> generation);

   private:
    friend class WriteGate;
    explicit Closed(WriteGate* gate) : gate_(gate) {}
    WriteGate* gate_;
  };
  // New writers are turned away from here on. O(1). REQUIRES: it is open.
  Closed close();

 private:
  friend class WritePermit;
  void leave() noexcept;
  void open();

  mutable Mutex mutex_;
  ConditionVariable drained_;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::size_t permits_ GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const Generation> live_ GUARDED_BY(mutex_);
  std::vector<std::function<void()>> waiters_ GUARDED_BY(mutex_);
};

}  // namespace restored
