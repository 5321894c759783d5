// Programs of a test: scripts of /bin/sh.
#pragma once

#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "support/temporary_directory.h"
#include "support/wait_until.h"

namespace restored::test {

// Its path; executable for its owner.
inline std::string write_script(const TemporaryDirectory& directory, const std::string& name,
                                const std::string& lines) {
  std::string path = directory.file(name);
  write_file(path, "#!/bin/sh\n" + lines + "\n");
  ::chmod(path.c_str(), 0700);
  return path;
}

// The number that a script has written into this file with `echo $$ > FILE`; 0: not yet.
inline int written_number(const std::string& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0 || facts.st_size == 0) return 0;
  const std::string text = read_whole_file(path);
  return text.ends_with('\n') ? std::stoi(text) : 0;
}

// Whether nothing is left of a process group.
inline bool is_gone(int group) {
  return wait_until([&] { return ::kill(-group, 0) != 0 && errno == ESRCH; });
}

}  // namespace restored::test
