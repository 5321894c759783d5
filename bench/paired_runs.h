// Two ways to do the same work, run alternately, so that what else happens on a machine hits both.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <vector>

#include "restored/error.h"

namespace restored::bench {

struct PairedRuns {
  std::vector<double> first_seconds;
  std::vector<double> second_seconds;

  // How fast the second way is, as part of the first one's speed: one number a pair.
  std::vector<double> ratios() const;
  double least_ratio() const;
  double median_ratio() const;
};

using TimedRun = std::function<Result<double>()>;  // seconds

// Every other pair begins with the second way.
Result<PairedRuns> run_pairs(unsigned pairs, const TimedRun& first, const TimedRun& second);

boost::json::object to_json(const PairedRuns& runs);

}  // namespace restored::bench
