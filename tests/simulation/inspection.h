// The last look at a host, with nothing wrong any more: whatever happened before, it opens, every
// operation has an end, what was promised is there and nothing is left over.
#pragma once

#include <string>
#include <vector>

#include "clients.h"
#include "host.h"

namespace restored::simulation {

// Of an engine that is open, after Clients::look_around(). What is wrong, in sentences.
std::vector<std::string> inspect(Host& host, Clients& clients);
// Of its disk, after it was closed.
std::vector<std::string> left_over(Host& host);

}  // namespace restored::simulation
