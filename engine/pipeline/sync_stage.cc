#include "pipeline/sync_stage.h"

#include <utility>

#include "base/check.h"
#include "restored/limits.h"

namespace restored::pipeline {
namespace {

// Two, so that the file system can commit one file's metadata while another's data goes out.
constexpr unsigned sync_threads = 2;

}  // namespace

SyncStage::SyncStage(const FetchEnvironment& environment, const DurableSpans& durable,
                     FirstError& first_error, std::function<void(TargetFile&)> file_done)
    : environment_(environment),
      durable_(durable),
      first_error_(first_error),
      file_done_(std::move(file_done)),
      requests_(limits::target_files_open_max),
      threads_(first_error) {}

void SyncStage::start() {
  threads_.start("restore-sync", sync_threads, [this] { return serve_requests(); });
}

void SyncStage::request(SyncRequest request) {
  const bool accepted = requests_.try_push(request);
  RESTORED_CHECK(accepted, "one request a file at a time, so the queue has room");
}

void SyncStage::drain() {
  requests_.close();
  threads_.join();
}

Result<void> SyncStage::serve_requests() {
  while (auto request = requests_.pop(first_error_.token())) RESTORED_TRY(serve(*request));
  return {};
}

Result<void> SyncStage::serve(SyncRequest request) {
  TargetFile& target = *request.target;
  while (true) {
    {
      BusyTimer busy(environment_.progress, Stage::write);
      auto synced = target.sync(request.checkpoint);
      if (!synced) {
        return std::unexpected(context(target.spec().name, std::move(synced).error()));
      }
    }
    RESTORED_TRY(report(request));
    if (request.checkpoint.complete) break;
    auto next = target.note_synced(request.checkpoint);
    if (!next) return {};
    request.checkpoint = *next;
  }
  RESTORED_TRY(target.close());
  environment_.progress.files_done.fetch_add(1, std::memory_order_relaxed);
  file_done_(target);
  return {};
}

Result<void> SyncStage::report(const SyncRequest& request) {
  if (!durable_) return {};
  MutexLock lock(report_mutex_);
  return durable_(request.target->index(), request.checkpoint.span, request.checkpoint.complete);
}

}  // namespace restored::pipeline
