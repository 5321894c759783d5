#include "child.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "kernel.h"

namespace restored::simulation {
namespace {

int answer_fd = -1;

void write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) return;  // the parent is gone, or has seen enough
    if (count > 0) done += static_cast<std::size_t>(count);
  }
}

// False: time is up.
bool read_all(int fd, std::string& into, std::chrono::steady_clock::time_point until) {
  char buffer[65536];
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count == 0) return true;
    if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace

void answer(const std::string& text) {
  if (running()) stand_still();
  write_all(answer_fd, "+" + text);
  ::_exit(0);
}

ChildEnd in_child(const std::function<void()>& work, std::chrono::seconds time) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    ::close(ends[0]);
    answer_fd = ends[1];
    work();
    ::_exit(1);
  }
  ::close(ends[1]);
  std::string text;
  const bool in_time = read_all(ends[0], text, std::chrono::steady_clock::now() + time);
  ::close(ends[0]);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ChildEnd end;
  end.answered = text.starts_with('+') && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (end.answered) {
    end.answer = text.substr(1);
  } else if (!in_time) {
    end.how = "time is up";
  } else if (WIFSIGNALED(status)) {
    end.how = fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  } else {
    end.how = fmt::format("status {}", WEXITSTATUS(status));
  }
  return end;
}

void fix_addresses(char** arguments) {
  const int now = ::personality(0xffffffff);
  if (now < 0 || (now & ADDR_NO_RANDOMIZE) != 0) return;
  if (::personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE) < 0) return;
  // One heap, in the order of the calls.
  ::setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1", 1);
  ::execv("/proc/self/exe", arguments);
}

}  // namespace restored::simulation
