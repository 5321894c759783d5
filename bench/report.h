// What a run says: to people as text, to programs as one JSON object.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "ceilings.h"
#include "machine.h"

namespace restored::bench {

double median(std::vector<double> values);  // REQUIRES: not empty

boost::json::object to_json(const Machine& machine);
boost::json::object to_json(const Ceilings& ceilings);

void print_ceilings(const Ceilings& ceilings, std::uint64_t bytes);
void print_rate(const char* name, double seconds, std::uint64_t bytes);

}  // namespace restored::bench
