// Looks for a text where a core dump of a process would have it: in all of its memory but for the
// mappings that dumps leave out.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace restored::test {

// The mappings that hold `text`, as /proc/PID/smaps names them. "unreadable" when the process's
// memory cannot be read: that is no answer.
std::vector<std::string> dumpable_places_of(const std::string& text, pid_t pid);

}  // namespace restored::test
