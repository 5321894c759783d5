#include "program_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace restored::ctl_test {
namespace {

constexpr std::chrono::seconds deadline{30};

struct Words {
  explicit Words(const std::vector<std::string>& words) : storage(words) {
    for (auto& word : storage) pointers.push_back(word.data());
    pointers.push_back(nullptr);
  }
  std::vector<std::string> storage;
  std::vector<char*> pointers;
};

Words argument_words(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"restorectl"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Words(words);
}

Words environment_words(const Environment& environment) {
  std::vector<std::string> words = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
  for (const auto& [name, value] : environment) words.push_back(name + "=" + value);
  return Words(words);
}

[[noreturn]] void become(Words& arguments, Words& environment) {
  execve(RESTORECTL_BINARY, arguments.pointers.data(), environment.pointers.data());
  _exit(127);
}

int milliseconds_left(std::chrono::steady_clock::time_point end) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

// Appends what the descriptor has; false at its end.
bool drain(int fd, std::string& into) {
  std::array<char, 4096> chunk{};
  const ssize_t count = read(fd, chunk.data(), chunk.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  into.append(chunk.data(), static_cast<std::size_t>(count));
  return count > 0;
}

int reap(pid_t child, bool in_time) {
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return in_time && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

Ended run(const std::vector<std::string>& arguments, const Environment& environment,
          const char* output_path) {
  auto argument_list = argument_words(arguments);
  auto environment_list = environment_words(environment);
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  EXPECT_EQ(pipe2(out.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(err.data(), O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(output_path != nullptr ? open(output_path, O_WRONLY) : out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    become(argument_list, environment_list);
  }
  close(out[1]);
  close(err[1]);
  Ended ended;
  const auto end = std::chrono::steady_clock::now() + deadline;
  bool out_open = true;
  bool err_open = true;
  bool in_time = true;
  while (in_time && (out_open || err_open)) {
    std::array<pollfd, 2> wanted = {pollfd{out_open ? out[0] : -1, POLLIN, 0},
                                    pollfd{err_open ? err[0] : -1, POLLIN, 0}};
    in_time = poll(wanted.data(), wanted.size(), milliseconds_left(end)) != 0;
    if (wanted[0].revents != 0) out_open = drain(out[0], ended.output);
    if (wanted[1].revents != 0) err_open = drain(err[0], ended.errors);
  }
  close(out[0]);
  close(err[0]);
  ended.status = reap(child, in_time);
  return ended;
}

Ended run_on_terminal(const std::vector<std::string>& arguments, const std::string& cue,
                      const std::string& keys) {
  auto argument_list = argument_words(arguments);
  auto environment_list = environment_words({});
  winsize size{};
  size.ws_row = 24;
  size.ws_col = 100;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) become(argument_list, environment_list);
  Ended ended;
  const auto end = std::chrono::steady_clock::now() + deadline;
  bool typed = keys.empty();
  bool in_time = true;
  while (true) {
    if (!typed && ended.output.find(cue) != std::string::npos) {
      typed = true;
      EXPECT_EQ(write(terminal, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    }
    pollfd wanted{terminal, POLLIN, 0};
    in_time = poll(&wanted, 1, milliseconds_left(end)) != 0;
    // A terminal whose last process is gone reads as EIO.
    if (!in_time || !drain(terminal, ended.output)) break;
  }
  ended.status = reap(child, in_time);
  close(terminal);
  return ended;
}

}  // namespace restored::ctl_test
