#include "paired_runs.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "report.h"

namespace restored::bench {

std::vector<double> PairedRuns::ratios() const {
  std::vector<double> ratios;
  for (std::size_t pair = 0; pair < second_seconds.size(); ++pair) {
    ratios.push_back(first_seconds[pair] / second_seconds[pair]);
  }
  return ratios;
}

double PairedRuns::least_ratio() const {
  return std::ranges::min(ratios());
}

double PairedRuns::median_ratio() const {
  return median(ratios());
}

Result<PairedRuns> run_pairs(unsigned pairs, const TimedRun& first, const TimedRun& second) {
  PairedRuns runs;
  for (unsigned pair = 0; pair < pairs; ++pair) {
    double first_seconds = 0;
    double second_seconds = 0;
    if (pair % 2 == 0) {
      RESTORED_TRY(first_seconds, first());
      RESTORED_TRY(second_seconds, second());
    } else {
      RESTORED_TRY(second_seconds, second());
      RESTORED_TRY(first_seconds, first());
    }
    runs.first_seconds.push_back(first_seconds);
    runs.second_seconds.push_back(second_seconds);
  }
  return runs;
}

boost::json::object to_json(const PairedRuns& runs) {
  const auto array = [](const std::vector<double>& values) {
    return boost::json::array(values.begin(), values.end());
  };
  return {{"first_seconds", array(runs.first_seconds)},
          {"second_seconds", array(runs.second_seconds)},
          {"least_ratio", runs.least_ratio()},
          {"median_ratio", runs.median_ratio()}};
}

}  // namespace restored::bench
