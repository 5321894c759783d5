#include "restore/operation_runner.h"

#include <string>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "restore/guarded.h"
#include "restored/limits.h"

namespace restored::restore {

void conclude(Operation& operation, const Result<void>& outcome,
              const std::function<void()>& release) {
  if (const Result<void> settled = operation.settle(outcome); !settled) {
    // It is kept, and written when the registry takes it: see unrecorded_ends.h.
    log::error("restore", "cannot record the end of operation={} yet: {}", operation.id().value,
               settled.error().message);
  }
  release();
  operation.announce();
  const OperationView view = operation.view();
  if (view.state == OperationState::running) {
    log::info("restore", "operation={} kind={} stopped, continues at the next start", view.id.value,
              name(view.kind));
  } else if (view.error) {
    log::warning("restore", "operation={} kind={} database={} {}: {}", view.id.value,
                 name(view.kind), view.database.value, name(view.state), view.error->message);
  } else {
    log::info("restore", "operation={} kind={} database={} backup={} {} bytes={} reused={}",
              view.id.value, name(view.kind), view.database.value, view.backup.value,
              name(view.state), view.bytes_done, view.bytes_reused);
  }
}

OperationRunner::OperationRunner(MakeThread make_thread) : make_thread_(std::move(make_thread)) {}

OperationRunner::~OperationRunner() {
  close();
}

void OperationRunner::start(std::shared_ptr<Operation> operation, Task task, Turn turn) {
  join_finished();
  const OperationId id = operation->id();
  try {
    const MutexLock lock(mutex_);
    if (turn == Turn::queued) join_queue(*operation);
    // The new thread's last act takes the lock that is held here: it finds itself in the map.
    threads_.emplace(id, make_thread_([this, operation, task, turn] {
                       run(*operation, task, turn);
                       finished(operation->id());
                     }));
  } catch (const std::system_error& error) {
    {
      const MutexLock lock(mutex_);
      leave_queue(*operation);
    }
    const Error cause{ErrorCode::limit_reached, std::string("no thread for it: ") + error.what(),
                      "Raise the limit of tasks of the service, then try again."};
    const Result<void> abandoned = guarded([&] {
      task.abandon(cause);
      return Result<void>();
    });
    if (!abandoned) {
      log::error("restore", "operation={} leaves its clean-up to the next start: {}", id.value,
                 abandoned.error().message);
    }
    conclude(*operation, std::unexpected(cause), task.release);
  }
}

Result<void> OperationRunner::take_turn(Operation& operation, Turn wanted) {
  const MutexLock lock(mutex_);
  if (wanted == Turn::at_once) {
    ++working_;
    return {};
  }
  const auto mine = [&]() NO_THREAD_SAFETY_ANALYSIS {
    return working_ < limits::operations_running_max && queue_.front() == &operation;
  };
  const bool waits = !mine();
  if (waits) operation.waits_on("the end of another operation on this host");
  const bool turn = turn_.wait(mutex_, operation.stop_token(), mine);
  if (waits) operation.waits_on("");
  leave_queue(operation);
  if (!turn) {
    turn_.notify_all();
    return fail(ErrorCode::cancelled, "stopped before its turn");
  }
  ++working_;
  turn_.notify_all();
  return {};
}

void OperationRunner::leave_turn() {
  {
    const MutexLock lock(mutex_);
    --working_;
  }
  turn_.notify_all();
}

void OperationRunner::join_queue(Operation& operation) {
  queue_.push_back(&operation);
  note_positions();
}

void OperationRunner::leave_queue(Operation& operation) {
  std::erase(queue_, &operation);
  operation.note_queue_position(std::nullopt);
  note_positions();
}

void OperationRunner::note_positions() {
  std::uint32_t position = 0;
  for (Operation* const operation : queue_) operation->note_queue_position(++position);
}

void OperationRunner::rest(Operation& operation, Turn turn, const std::function<void()>& wait) {
  leave_turn();
  wait();
  if (turn == Turn::queued) {
    const MutexLock lock(mutex_);
    join_queue(operation);
  }
  if (take_turn(operation, turn)) return;
  // It was stopped, and only cleans up: run() gives back what it had.
  const MutexLock lock(mutex_);
  ++working_;
}

void OperationRunner::run(Operation& operation, const Task& task, Turn turn) {
  // At normal priority: this thread closes the write gate, and clients wait until it opens it. The
  // pipeline's threads, which do the work, run below.
  Result<void> outcome = take_turn(operation, turn);
  const bool had_turn = outcome.has_value();
  // An operation that is stopped before its turn still runs, to clean up after itself: every step
  // of its work looks at the stop token.
  outcome = guarded(task.work);
  // The turn, too, until then: what runs on while it gives up what it holds is bounded as its work.
  conclude(operation, outcome, [&] {
    task.release();
    if (had_turn) leave_turn();
  });
}

void OperationRunner::finished(const OperationId& id) {
  const MutexLock lock(mutex_);
  const auto found = threads_.find(id);
  finished_.push_back(std::move(found->second));
  threads_.erase(found);
  turn_.notify_all();
}

void OperationRunner::join_finished() {
  std::vector<std::thread> ended;
  {
    const MutexLock lock(mutex_);
    ended.swap(finished_);
  }
  for (std::thread& thread : ended) thread.join();
}

void OperationRunner::close() {
  {
    const MutexLock lock(mutex_);
    turn_.wait(mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return threads_.empty(); });
  }
  join_finished();
}

}  // namespace restored::restore
