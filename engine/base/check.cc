#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace restored {

void check_failed(const char* condition, const char* file, int line, const char* reason) {
  // Not through the log: it allocates and locks, and a broken process may be able to do neither.
  std::fprintf(stderr, "CHECK failed: %s at %s:%d: %s\n", condition, file, line, reason);
  std::fflush(stderr);
  std::abort();
}

}  // namespace restored
