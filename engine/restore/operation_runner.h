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
  // A new thread that does this. Throws std::system_error when there can be no more.
  using MakeThread = std::function<std::thread(std::function<void()>)>;
  explicit OperationRunner(MakeThread make_thread);
  ~OperationRunner();  // as close()

  // Whether work waits until it is its turn, or has one beside those of the others: because it is
  // short, and somebody has waited for it already.
  enum class Turn : std::uint8_t { queued, at_once };

  struct Task {
    std::function<Result<void>()> work;
    std::function<void(const Error&)> abandon;  // what the work cleans up when it fails
    std::function<void()> release;              // gives up what the operation holds
  };
  // Runs the work on a thread of its own, then records its outcome, releases and announces the
  // end. Without a thread it abandons, here, in the place of the work.
  void start(std::shared_ptr<Operation> operation, Task task, Turn turn = Turn::queued);

  // For work that waits for a person: `wait` is called while others have its turn, and it gets
  // another one. REQUIRES: called by the operation's work, which has not been told to stop before
  // it began.
  void rest(Operation& operation, Turn turn, const std::function<void()>& wait);
  // Waits for every thread. REQUIRES: the operations were told to stop; no start() afterwards.
  void close();

 private:
  Result<void> take_turn(Operation& operation, Turn turn);
  void leave_turn();
  void leave_queue(Operation& operation) REQUIRES_LOCK(mutex_);
  void note_positions() REQUIRES_LOCK(mutex_);
  void run(Operation& operation, const Task& task, Turn turn);
  void join_queue(Operation& operation) REQUIRES_LOCK(mutex_);
  void finished(const OperationId& id);
  void join_finished();

  const MakeThread make_thread_;
  Mutex mutex_;
  ConditionVariable turn_;
  std::deque<Operation*> queue_ GUARDED_BY(mutex_);  // whose threads are there
  unsigned working_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<OperationId, std::thread> threads_ GUARDED_BY(mutex_);
  std::vector<std::thread> finished_ GUARDED_BY(mutex_);
};

// Ends an operation on the calling thread: record, release, announce.
void conclude(Operation& operation, const Result<void>& outcome,
              const std::function<void()>& release);

}  // namespace restored::restore
