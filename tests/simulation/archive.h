// A simulated disk's files as one text, to hand them from one process to the next.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "simulated_disk/disk.h"

namespace restored::simulation {

std::string archive(test::SimulatedDisk& disk);
// With everything synced. REQUIRES: the text is archive()'s.
void extract(std::string_view text, test::SimulatedDisk& into);

}  // namespace restored::simulation
