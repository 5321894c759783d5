#include <utility>

#include "pipeline/check_stage.h"
#include "pipeline/fetch.h"
#include "pipeline/first_error.h"
#include "pipeline/flights.h"
#include "pipeline/plan.h"
#include "pipeline/stages.h"

namespace restored::pipeline {

Result<void> verify_objects(std::span<const FetchFile> files, const FetchEnvironment& environment,
                            std::stop_token stop) {
  RESTORED_TRY(check_files(files));
  FirstError first_error(std::move(stop));
  ObjectVersions versions;
  const StoreCall call = reading_call(environment, versions, first_error.token());
  Flights flights(files);
  CheckStage check(files, environment, [&](std::size_t file_index) {
    versions.forget(files[file_index].object_key);
    flights.file_done();
  });
  run_stages(files, environment, flights, check, call, first_error);
  return first_error.result();
}

}  // namespace restored::pipeline
