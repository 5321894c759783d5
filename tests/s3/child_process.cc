#include "child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace restored::test {

ChildProcess spawn(const std::vector<std::string>& words,
                   const std::map<std::string, std::string>& environment) {
  int input[2];
  int output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) return {};
  std::vector<char*> raw;
  for (const std::string& word : words) raw.push_back(const_cast<char*>(word.c_str()));
  raw.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::dup2(input[0], 0);
    ::dup2(output[1], 1);
    ::execvp(raw[0], raw.data());
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(output[1]);
  return {pid, input[1], output[0]};
}

std::optional<std::string> read_line(int fd, std::chrono::steady_clock::time_point deadline) {
  std::string line;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd ready{fd, POLLIN, 0};
    char byte = 0;
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0 ||
        ::read(fd, &byte, 1) != 1)
      return std::nullopt;
    if (byte == '\n') return line;
    line += byte;
  }
}

std::string read_all(int fd) {
  std::string text;
  char buffer[65536];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

int wait_for_exit(pid_t pid) {
  int status = -1;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

CurlAnswer curl(std::vector<std::string> arguments) {
  std::vector<std::string> words = {"curl", "--silent",    "--max-time",
                                    "60",   "--write-out", "\n%{http_code}"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const ChildProcess child = spawn(words);
  ::close(child.input);
  const std::string text = read_all(child.output);
  ::close(child.output);
  CurlAnswer answer;
  answer.exit_code = wait_for_exit(child.pid);
  const std::size_t line = text.rfind('\n');
  if (line == std::string::npos) return answer;
  answer.status = std::atoi(text.c_str() + line + 1);
  answer.body = text.substr(0, line);
  return answer;
}

}  // namespace restored::test
