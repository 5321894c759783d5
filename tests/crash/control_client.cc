#include "control_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace restored::crash_test {

ControlClient::ControlClient(const std::string& socket, std::string token)
    : token_(std::move(token)), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() < sizeof address.sun_path) {
    std::memcpy(address.sun_path, socket.data(), socket.size());
  }
  const timeval patience{60, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // The socket calls want their own address type.
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd_, generic, sizeof address) != 0) disconnect();
}

ControlClient::~ControlClient() {
  disconnect();
}

void ControlClient::disconnect() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool ControlClient::send_all(const std::string& request) {
  std::size_t sent = 0;
  while (sent < request.size()) {
    const ssize_t count = ::send(fd_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

// Head and body; empty when the connection ended before that.
std::string ControlClient::receive() {
  std::string raw;
  std::size_t wanted = 0;  // known when the head is whole
  while (wanted == 0 || raw.size() < wanted) {
    std::array<char, 16384> chunk{};
    const ssize_t count = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return {};
    raw.append(chunk.data(), static_cast<std::size_t>(count));
    const std::size_t end = raw.find("\r\n\r\n");
    if (wanted != 0 || end == std::string::npos) continue;
    const system_test::HttpAnswer head = system_test::parse_http(raw.substr(0, end + 4));
    const auto length = head.headers.find("content-length");
    const std::size_t body =
        length == head.headers.end() ? 0 : std::strtoull(length->second.c_str(), nullptr, 10);
    wanted = end + 4 + body;
  }
  return raw;
}

system_test::HttpAnswer ControlClient::call(std::string_view method, const std::string& path,
                                            const std::string& body,
                                            const std::string& idempotency_key,
                                            const std::string& prefer) {
  if (fd_ < 0) return {};
  std::string request = std::string(method) + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
                        "Authorization: Bearer " + token_ + "\r\n";
  if (!idempotency_key.empty()) request += "Idempotency-Key: " + idempotency_key + "\r\n";
  if (!prefer.empty()) request += "Prefer: " + prefer + "\r\n";
  if (!body.empty()) request += "Content-Type: application/json\r\n";
  request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string raw;
  if (send_all(request)) raw = receive();
  if (raw.empty()) disconnect();
  return system_test::parse_http(raw);
}

}  // namespace restored::crash_test
