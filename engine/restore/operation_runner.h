// The threads of running operations. At most limits::operations_running_max work at once; the
// others wait for their turn, in the order in which they were accepted.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "restore/operation.h"

namespace restored::restore {

class OperationRunner {
 public:
  OperationRunner() = default;
  ~OperationRunner();  // as close()

  // Runs `work` on a thread of its own, then records its outcome, calls `release` (which gives up
  // what the operation holds) and announces the end.
  using Work = std::function<Result<void>()>;
  void start(std::shared_ptr<Operation> operation, Work work, std::function<void()> release);

  // For work that waits for a person: `wait` is called while others have its turn. REQUIRES: called
  // by the operation's work, which has not been told to stop before it began.
  void rest(Operation& operation, const std::function<void()>& wait);
  // Waits for every thread. REQUIRES: the operations were told to stop; no start() afterwards.
  void close();

 private:
  Result<void> take_turn(Operation& operation);
  void leave_turn();
  void run(Operation& operation, const Work& work, const std::function<void()>& release);
  void finished(const OperationId& id);
  void join_finished();

  Mutex mutex_;
  ConditionVariable turn_;
  std::deque<OperationId> queue_ GUARDED_BY(mutex_);
  unsigned working_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<OperationId, std::thread> threads_ GUARDED_BY(mutex_);
  std::vector<std::thread> finished_ GUARDED_BY(mutex_);
};

// Ends an operation on the calling thread: record, release, announce.
void conclude(Operation& operation, const Result<void>& outcome,
              const std::function<void()>& release);

}  // namespace restored::restore
