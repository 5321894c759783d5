#include "support/shell.h"

#include <stdio.h>
#include <sys/wait.h>

namespace restored::test {

Shown shell(const std::string& command) {
  Shown shown;
  FILE* const pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  if (pipe == nullptr) return shown;
  char buffer[4096];
  while (const std::size_t count = ::fread(buffer, 1, sizeof buffer, pipe)) {
    shown.text.append(buffer, count);
  }
  const int status = ::pclose(pipe);
  shown.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return shown;
}

}  // namespace restored::test
