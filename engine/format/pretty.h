// Indented JSON, for people. For this folder's .cc files only.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace restored::format {

// Two spaces a level, one member a line, a newline at the end.
std::string pretty(const boost::json::value& value);

}  // namespace restored::format
