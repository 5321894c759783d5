#include "base/thread_priority.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/log.h"

namespace restored {
namespace {

constexpr int background_nice = 10;
// From linux/ioprio.h, which Debian 12 ships without these names in a user-space header:
// class 2 is best-effort, its levels go from 0 to 7 (lowest); who 1 is one thread.
constexpr int ioprio_who_thread = 1;
constexpr int ioprio_background = (2 << 13) | 7;

void note_refusal(const char* what, int error) {
  static std::atomic<bool> noted = false;
  if (!noted.exchange(true)) {
    log::warning("base", "background threads keep their priority: {}: {}", what,
                 std::strerror(error));
  }
}

}  // namespace

void enter_background_thread(const char* name) {
  const std::string kept(name, std::min<std::size_t>(std::strlen(name), 15));
  pthread_setname_np(pthread_self(), kept.c_str());

  // On Linux a thread is a "process" to setpriority; 0 means the calling one. Who was started
  // with a lower priority keeps it.
  errno = 0;
  const int now = ::getpriority(PRIO_PROCESS, 0);
  if (errno == 0 && now < background_nice && ::setpriority(PRIO_PROCESS, 0, background_nice) != 0) {
    note_refusal("setpriority", errno);
  }
  if (::syscall(SYS_ioprio_set, ioprio_who_thread, 0, ioprio_background) != 0) {
    note_refusal("ioprio_set", errno);
  }
}

}  // namespace restored
