// Some live key of a view, for RANDOMKEY. Uniform on small data; on large data every key has a
// chance, in time that grows with the logarithm of their number.
#pragma once

#include <optional>
#include <string>

#include "data/view.h"
#include "restored/error.h"

namespace restored::data {

Result<std::optional<std::string>> random_key(const View& view);

}  // namespace restored::data
