#include "pipeline/fetch.h"

#include <utility>

#include "pipeline/first_error.h"
#include "pipeline/flights.h"
#include "pipeline/plan.h"
#include "pipeline/stages.h"
#include "pipeline/sync_stage.h"
#include "pipeline/workers.h"
#include "pipeline/write_stage.h"

namespace restored::pipeline {
namespace {

// One file's journal entry does not wait for another's.
constexpr unsigned open_threads = 2;

}  // namespace

Result<void> fetch(std::span<const FetchFile> files, const FetchEnvironment& environment,
                   const DurableSpans& durable, std::stop_token stop) {
  RESTORED_TRY(check_files(files));
  FirstError first_error(std::move(stop));
  ObjectVersions versions;
  const StoreCall call = reading_call(environment, versions, first_error.token());
  Flights flights(files);
  WriteStage* write_stage = nullptr;
  SyncStage sync(environment, durable, first_error, [&](TargetFile& target) {
    versions.forget(target.spec().object_key);
    write_stage->remove(target);
    flights.file_done();
  });
  WriteStage write(files, environment, sync, first_error);
  write_stage = &write;
  {
    Workers openers(first_error);
    openers.start("restore-open", open_threads,
                  [&] { return write.open_files(first_error.token()); });
    sync.start();
    run_stages(files, environment, flights, write, call, first_error);
    sync.drain();
  }
  return first_error.result();
}

}  // namespace restored::pipeline
