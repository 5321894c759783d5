#include "scripted_agent.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace restored::ctl_test {
namespace {

const sockaddr* generic(const void* address) {
  return static_cast<const sockaddr*>(address);
}

int listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(bind(fd, generic(&address), sizeof(address)), 0) << std::strerror(errno);
  EXPECT_EQ(listen(fd, 16), 0);
  return fd;
}

int listen_tcp(std::uint16_t& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(bind(fd, generic(&address), sizeof(address)), 0) << std::strerror(errno);
  EXPECT_EQ(listen(fd, 16), 0);
  socklen_t size = sizeof(address);
  void* out = &address;
  EXPECT_EQ(getsockname(fd, static_cast<sockaddr*>(out), &size), 0);
  port = ntohs(address.sin_port);
  return fd;
}

std::string header(const std::string& head, const std::string& name) {
  std::string lower = head;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto at = lower.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const auto begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

// Reads one request; nothing when the peer goes away or stays silent.
std::optional<Request> read_request(int connection) {
  const timeval patience{10, 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::string bytes;
  std::array<char, 4096> chunk{};
  while (true) {
    const auto end = bytes.find("\r\n\r\n");
    if (end != std::string::npos) {
      const std::string head = bytes.substr(0, end + 2);
      const std::string length = header(head, "content-length");
      const std::size_t size = length.empty() ? 0 : std::stoul(length);
      if (bytes.size() >= end + 4 + size) {
        const auto space = head.find(' ');
        const auto second = head.find(' ', space + 1);
        return Request{head.substr(0, space),           head.substr(space + 1, second - space - 1),
                       header(head, "authorization"),   bytes.substr(end + 4, size),
                       header(head, "idempotency-key"), header(head, "prefer")};
      }
    }
    const ssize_t count = recv(connection, chunk.data(), chunk.size(), 0);
    if (count <= 0) return std::nullopt;
    bytes.append(chunk.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

ScriptedAgent::ScriptedAgent(Handler handler) : handler_(std::move(handler)) {
  std::string name = std::filesystem::temp_directory_path() / "restorectl-XXXXXX";
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  directory_ = name;
  std::ofstream(token_file()) << "the-token\n";
  unix_listener_ = listen_unix(directory_ + "/control.sock");
  tcp_listener_ = listen_tcp(port_);
  stop_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { serve(); });
}

ScriptedAgent::~ScriptedAgent() {
  eventfd_write(stop_, 1);
  thread_.join();
  for (const int fd : {unix_listener_, tcp_listener_, stop_}) close(fd);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void ScriptedAgent::serve() {
  while (true) {
    std::array<pollfd, 3> wanted = {pollfd{stop_, POLLIN, 0}, pollfd{unix_listener_, POLLIN, 0},
                                    pollfd{tcp_listener_, POLLIN, 0}};
    if (poll(wanted.data(), wanted.size(), -1) < 0) continue;
    if (wanted[0].revents != 0) return;
    for (const auto& ready : {wanted[1], wanted[2]}) {
      if (ready.revents == 0) continue;
      const int connection = accept4(ready.fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      answer(connection);
      close(connection);
    }
  }
}

void ScriptedAgent::answer(int connection) {
  const auto request = read_request(connection);
  if (!request) return;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(*request);
  }
  const Reply reply = handler_(*request);
  if (reply.drop) return;
  std::string bytes = "HTTP/1.1 " + std::to_string(reply.status) + " Scripted\r\n";
  for (const auto& [name, value] : reply.headers) bytes += name + ": " + value + "\r\n";
  if (reply.status != 204) {
    bytes += "Content-Type: application/json\r\n";
    if (!reply.open) bytes += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  }
  bytes += "\r\n" + reply.body;
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
  if (!reply.open) return;
  std::array<pollfd, 2> left = {pollfd{stop_, POLLIN, 0}, pollfd{connection, POLLIN, 0}};
  poll(left.data(), left.size(), -1);
}

std::vector<Request> ScriptedAgent::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<Request> ScriptedAgent::requests(const std::string& method) const {
  std::vector<Request> found;
  for (const auto& request : requests()) {
    if (request.method == method) found.push_back(request);
  }
  return found;
}

}  // namespace restored::ctl_test
