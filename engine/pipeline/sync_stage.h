// Makes written files durable and tells the caller so, off the threads that decode and write.
#pragma once

#include "base/mutex.h"
#include "pipeline/bounded_queue.h"
#include "pipeline/fetch.h"
#include "pipeline/first_error.h"
#include "pipeline/target_file.h"
#include "pipeline/workers.h"
#include "restored/error.h"

namespace restored::pipeline {

struct SyncRequest {
  TargetFile* target = nullptr;
  TargetFile::Checkpoint checkpoint;
};

// A file has at most one request under way, so that the number of open files bounds the queue and
// request() never waits.
// Threading: request() from any thread at once, the rest from the one that owns it.
class SyncStage {
 public:
  // `file_done` is called, from any of its threads, when a file is complete, durable and closed;
  // the target is not touched afterwards.
  SyncStage(const FetchEnvironment& environment, const DurableSpans& durable,
            FirstError& first_error, std::function<void(TargetFile&)> file_done);

  void start();
  void request(SyncRequest request);
  // Ends when every request was served, or at the first error. REQUIRES: no more requests come.
  void drain();

 private:
  Result<void> serve_requests();
  Result<void> serve(SyncRequest request);
  Result<void> report(const SyncRequest& request);

  const FetchEnvironment& environment_;
  const DurableSpans& durable_;
  FirstError& first_error_;
  const std::function<void(TargetFile&)> file_done_;
  BoundedQueue<SyncRequest> requests_;
  Mutex report_mutex_;  // held across durable_: its promise is one call at a time
  Workers threads_;     // last: they use the rest
};

}  // namespace restored::pipeline
