#include "hook/child_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/log.h"
#include "base/unique_fd.h"
#include "restored/limits.h"

namespace restored::hook {
namespace {

using Clock = std::chrono::steady_clock;

std::unexpected<Error> refuse(const Program& program, const char* call, int error) {
  return fail(ErrorCode::io_error, fmt::format("cannot start {}: {}: {}", program.path, call,
                                               std::generic_category().message(error)));
}

// A file without a name: it needs no writer beside the child, and may be read as one likes.
Result<UniqueFd> input_file(const Program& program) {
  UniqueFd file(::memfd_create("hook", MFD_CLOEXEC));
  if (!file) return refuse(program, "memfd_create", errno);
  std::string_view rest = program.input;
  while (!rest.empty()) {
    const ssize_t written = ::write(file.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return refuse(program, "write", errno);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return refuse(program, "lseek", errno);
  return file;
}

// What posix_spawn is told: it runs nothing of ours between fork and exec.
class Plan {
 public:
  Plan(int input, int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    // Not every library marks its sockets to be closed.
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions_, "/");
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  ~Plan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  // An error number; 0: it runs.
  int start(const Program& program, pid_t& child) {
    std::string path = program.path;
    std::vector<std::string> environment = program.environment;
    std::vector<char*> variables;
    for (std::string& variable : environment) variables.push_back(variable.data());
    variables.push_back(nullptr);
    std::array<char*, 2> arguments{path.data(), nullptr};
    return ::posix_spawn(&child, path.c_str(), &actions_, &attributes_, arguments.data(),
                         variables.data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// A child that runs, its group and its outputs. Not reaped before the end, so that its number,
// which is its group's, is nobody else's.
class Child {
 public:
  Child(pid_t pid, UniqueFd process, UniqueFd output, const Program& program)
      : pid_(pid), process_(std::move(process)), output_(std::move(output)), program_(program) {}

  ProgramEnd watch(const std::stop_token& stop);

 private:
  enum class Step { running, told_to_end, killed };

  bool wait_event(int woken, Clock::time_point until);  // whether the process has ended
  void end_group(int signal) { ::kill(-pid_, signal); }
  void read_output();
  void reap(ProgramEnd& end);

  const pid_t pid_;
  const UniqueFd process_;
  UniqueFd output_;
  const Program& program_;
  std::string kept_;
};

// What is there, but no more than a pipe holds a few times over: who writes without end must not
// keep us from looking at the time.
void Child::read_output() {
  constexpr int parts_max = 64;
  std::array<char, 4096> part;
  for (int parts = 0; output_ && parts < parts_max; ++parts) {
    const ssize_t got = ::read(output_.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      output_.reset();  // all ends are closed
      return;
    }
    const std::size_t room = program_.output_bytes_max - kept_.size();
    kept_.append(part.data(), std::min(room, static_cast<std::size_t>(got)));
  }
}

bool Child::wait_event(int woken, Clock::time_point until) {
  std::array<pollfd, 3> wanted{
      {{process_.get(), POLLIN, 0}, {woken, POLLIN, 0}, {output_ ? output_.get() : -1, POLLIN, 0}}};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  ::poll(wanted.data(), wanted.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
  if (wanted[2].revents != 0) read_output();
  return wanted[0].revents != 0;
}

ProgramEnd Child::watch(const std::stop_token& stop) {
  ProgramEnd end;
  const UniqueFd woken(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const std::stop_callback wake(stop, [&] { ::eventfd_write(woken.get(), 1); });
  const auto begin = Clock::now();
  const auto grace = std::chrono::milliseconds(limits::hook_grace_millis);
  Step step = Step::running;
  auto until = begin + program_.time;
  for (;;) {
    // Once it was told to end it does not matter who else wants that.
    const bool ended = wait_event(step == Step::running ? woken.get() : -1, until);
    if (ended) break;
    const bool stopped = step == Step::running && stop.stop_requested();
    if (!stopped && Clock::now() < until) continue;
    if (step == Step::killed) break;  // the kernel does not let go of it
    if (step == Step::running) (stopped ? end.stopped : end.timed_out) = true;
    end_group(step == Step::running ? SIGTERM : SIGKILL);
    step = step == Step::running ? Step::told_to_end : Step::killed;
    until = Clock::now() + grace;
  }
  read_output();
  end_group(SIGKILL);
  reap(end);
  end.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  end.output = std::move(kept_);
  return end;
}

void Child::reap(ProgramEnd& end) {
  int status = 0;
  const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
  if (reaped != pid_) {
    log::warning("hook", "{} (process {}) does not end, though it was killed", program_.path, pid_);
    return;
  }
  if (WIFEXITED(status)) end.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
}

}  // namespace

Result<ProgramEnd> run_program(const Program& program, const std::stop_token& stop) {
  if (stop.stop_requested()) {
    ProgramEnd end;
    end.stopped = true;
    return end;
  }
  RESTORED_TRY(const UniqueFd input, input_file(program));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return refuse(program, "pipe2", errno);
  UniqueFd output(ends[0]);
  UniqueFd writing(ends[1]);
  // Ours alone: the child's end blocks as programs expect it.
  if (::fcntl(output.get(), F_SETFL, O_NONBLOCK) != 0) return refuse(program, "fcntl", errno);
  pid_t pid = 0;
  const int error = Plan(input.get(), writing.get()).start(program, pid);
  if (error != 0) return refuse(program, "posix_spawn", error);
  writing.reset();
  // By its number: glibc 2.36 declares its own function for C only.
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {
    const int why = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return refuse(program, "pidfd_open", why);
  }
  return Child(pid, std::move(process), std::move(output), program).watch(stop);
}

}  // namespace restored::hook
