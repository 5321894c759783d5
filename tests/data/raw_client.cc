#include "raw_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace restored::test {
namespace {

constexpr time_t patience_seconds = 20;

// An interrupted connect goes on by itself: its end is waited for, a second connect() is an error.
// Under SO_SNDTIMEO the kernel answers EINTR also without a signal handler, when work of an
// io_uring falls to this thread.
bool connect_finished(int fd) {
  pollfd wait = {.fd = fd, .events = POLLOUT, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, static_cast<int>(patience_seconds) * 1000);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) errno = ETIMEDOUT;
  if (ready <= 0) return false;
  socklen_t size = sizeof(errno);
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &size) == 0 && errno == 0;
}

template <class Address>
void connect_or_end(int fd, const Address& address, const std::string& name) {
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return;
  if (errno == EINTR && connect_finished(fd)) return;
  const std::string reason = "connect to " + name + ": " + std::strerror(errno);
  RESTORED_CHECK(false, reason.c_str());
}

void bound_waits(int fd) {
  timeval patience = {};
  patience.tv_sec = patience_seconds;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

}  // namespace

std::string encode_request(const Words& words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return text;
}

RawClient::RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  bound_waits(fd_.get());
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect_or_end(fd_.get(), address, "port " + std::to_string(port));
}

RawClient::RawClient(const std::string& unix_path)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  bound_waits(fd_.get());
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  unix_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  connect_or_end(fd_.get(), address, unix_path);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::fill() {
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      ADD_FAILURE() << "no byte came for " << patience_seconds << " s";
      return false;
    }
    if (got <= 0) return false;
    pending_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
}

// Behind the "\r\n" of the line at `begin`.
std::optional<std::size_t> RawClient::line_end(std::size_t begin) {
  for (;;) {
    const std::size_t end = pending_.find("\r\n", begin);
    if (end != std::string::npos) return end + 2;
    if (!fill()) return std::nullopt;
  }
}

std::optional<std::size_t> RawClient::reply_end(std::size_t begin) {
  const auto line = line_end(begin);
  if (!line) return std::nullopt;
  const char kind = pending_[begin];
  const long long count = std::atoll(pending_.c_str() + begin + 1);
  std::size_t end = *line;
  if (kind == '$' || kind == '=') {
    if (count < 0) return end;
    end += static_cast<std::size_t>(count) + 2;
    while (pending_.size() < end) {
      if (!fill()) return std::nullopt;
    }
    return end;
  }
  long long children = 0;
  if (kind == '*' || kind == '~' || kind == '>') children = count;
  if (kind == '%') children = 2 * count;
  for (long long i = 0; i < children; ++i) {
    const auto behind = reply_end(end);
    if (!behind) return std::nullopt;
    end = *behind;
  }
  return end;
}

std::optional<std::string> RawClient::receive() {
  const auto end = reply_end(0);
  if (!end) return std::nullopt;
  std::string reply = pending_.substr(0, *end);
  pending_.erase(0, *end);
  return reply;
}

std::string RawClient::call(const Words& words) {
  if (!send(encode_request(words))) return "<closed>";
  return receive().value_or("<closed>");
}

std::string RawClient::inline_call(std::string_view line) {
  if (!send(std::string(line) + "\r\n")) return "<closed>";
  return receive().value_or("<closed>");
}

std::string RawClient::drain() {
  while (fill()) {
  }
  return std::exchange(pending_, {});
}

void RawClient::finish_sending() {
  ::shutdown(fd_.get(), SHUT_WR);
}

}  // namespace restored::test
