#include "clients.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

extern char** environ;

namespace restored::control {
namespace {

const boost::json::value null_value;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Standard output of a program. Its standard error goes nowhere.
std::string output_of(const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  std::vector<char*> words;
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  write_end.reset();
  if (failed != 0) return {};
  std::string output;
  char chunk[16384];
  while (true) {
    const ssize_t count = ::read(read_end.get(), chunk, sizeof chunk);
    if (count <= 0) break;
    output.append(chunk, static_cast<std::size_t>(count));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return output;
}

}  // namespace

const boost::json::value& HttpAnswer::at(std::string_view path) const {
  const boost::json::value* here = &body;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string_view step = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    if (const auto* list = here->if_array()) {
      const auto index = static_cast<std::size_t>(std::atoi(std::string(step).c_str()));
      if (index >= list->size()) return null_value;
      here = &(*list)[index];
    } else {
      const auto* object = here->if_object();
      if (object == nullptr || !object->contains(step)) return null_value;
      here = &object->at(step);
    }
  }
  return *here;
}

std::string HttpAnswer::word(std::string_view path) const {
  const auto* found = at(path).if_string();
  return found == nullptr ? std::string() : std::string(found->data(), found->size());
}

std::string HttpAnswer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

HttpAnswer take_answer(std::string& stream) {
  HttpAnswer answer;
  std::size_t end = stream.find("\r\n\r\n");
  while (end != std::string::npos && stream.starts_with("HTTP/1.1 100")) {
    stream.erase(0, end + 4);
    end = stream.find("\r\n\r\n");
  }
  if (end == std::string::npos || !stream.starts_with("HTTP/1.1 ")) return answer;
  answer.status = std::atoi(stream.c_str() + 9);
  std::size_t line = stream.find("\r\n") + 2;
  while (line < end + 2) {
    const std::size_t next = stream.find("\r\n", line);
    const std::size_t colon = stream.find(": ", line);
    if (colon < next) {
      answer.headers[lower(stream.substr(line, colon - line))] =
          stream.substr(colon + 2, next - colon - 2);
    }
    line = next + 2;
  }
  const std::size_t length =
      static_cast<std::size_t>(std::strtoull(answer.header("content-length").c_str(), nullptr, 10));
  answer.text = stream.substr(end + 4, length);
  stream.erase(0, end + 4 + answer.text.size());
  boost::json::error_code error;
  answer.body = boost::json::parse(answer.text, error);
  if (error) answer.body = nullptr;
  return answer;
}

HttpAnswer curl(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"curl", "--silent", "--include", "--max-time", "30"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  std::string output = output_of(command);
  return take_answer(output);
}

RawClient::RawClient(const std::string& address, Room room) {
  if (address.starts_with("unix:")) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    std::strncpy(where.sun_path, address.c_str() + 5, sizeof where.sun_path - 1);
    fd_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
      fd_.reset();
    }
    return;
  }
  const std::size_t colon = address.rfind(':');
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  ::inet_pton(AF_INET, address.substr(4, colon - 4).c_str(), &where.sin_addr);
  fd_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (room == Room::little) {
    const int bytes = 4096;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
    fd_.reset();
  }
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void RawClient::finish_sending() {
  ::shutdown(fd_.get(), SHUT_WR);
}

bool RawClient::cut() const {
  const char byte = 0;
  const ssize_t count = ::send(fd_.get(), &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  return count < 0 && errno != EAGAIN;
}

// A filter that keeps no byte of any segment drops it before TCP has seen it.
bool RawClient::vanish() {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, &nothing};
  return ::setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

bool RawClient::readable() const {
  pollfd wanted{fd_.get(), POLLIN, 0};
  return ::poll(&wanted, 1, 0) > 0;
}

bool RawClient::read_some(std::string& into, std::chrono::steady_clock::time_point end,
                          bool& closed) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  pollfd waiting{fd_.get(), POLLIN, 0};
  if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
  char chunk[16384];
  const ssize_t count = ::recv(fd_.get(), chunk, sizeof chunk, 0);
  closed = count <= 0;
  if (!closed) into.append(chunk, static_cast<std::size_t>(count));
  return !closed;
}

RawClient::Received RawClient::read_to_end(std::chrono::milliseconds deadline) {
  Received received;
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (read_some(received.bytes, end, received.closed)) {
  }
  return received;
}

std::string RawClient::read_until(std::string_view text, std::chrono::milliseconds deadline) {
  std::string bytes;
  bool closed = false;
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (bytes.find(text) == std::string::npos && read_some(bytes, end, closed)) {
  }
  return bytes;
}

}  // namespace restored::control
