// What a run says: to people as text, to programs as one JSON object.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "ceilings.h"
#include "cpu_meter.h"
#include "machine.h"
#include "restored/error.h"

namespace restored::bench {

double median(std::vector<double> values);  // REQUIRES: not empty

boost::json::object to_json(const Machine& machine);
boost::json::object to_json(const Ceilings& ceilings);
boost::json::object to_json(const Cost& cost);

// Says on standard error what went wrong. The exit status.
int report_error(const Error& error);

void print_ceilings(const Ceilings& ceilings, std::uint64_t bytes);
void print_cost(const Cost& cost, std::uint64_t bytes);
// `seconds`: of the restore.
void print_efficiency(const Ceilings& ceilings, double seconds);
// One line at the end. The vectors have one entry a run; the last one may be empty.
void print_medians(const std::vector<double>& seconds, const std::vector<double>& efficiencies,
                   const std::vector<double>& of_all_at_once);
void print_rate(const char* name, double seconds, std::uint64_t bytes);

}  // namespace restored::bench
