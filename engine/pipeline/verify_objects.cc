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
  Flights flights(files);
  CheckStage check(files, environment, [&] { flights.file_done(); });
  run_stages(environment, flights, check, first_error);
  return first_error.result();
}

}  // namespace restored::pipeline
