#include "net/tcp_stream.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "base/ascii.h"
#include "restored/units.h"

namespace restored::net {
namespace {

Failure connect_failure(int error) {
  return {Failure::Kind::connect_failed, errno_text(error)};
}

int socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace

std::string errno_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = ascii_lower(text[0]);
  return text;
}

std::string Address::text() const {
  std::array<char, NI_MAXHOST> host{};
  const auto* plain = reinterpret_cast<const sockaddr*>(&socket);
  if (::getnameinfo(plain, length, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return "?";
  }
  return host.data();
}

bool Address::operator==(const Address& other) const {
  return length == other.length && std::memcmp(&socket, &other.socket, length) == 0;
}

std::vector<Address> literal_address(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  Address address;
  std::memcpy(&address.socket, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  return {address};
}

std::expected<TcpStream, Failure> TcpStream::connect(const Address& address, Patience& patience,
                                                     Time until) {
  patience.moved();  // the stall limit is not for what was waited for before
  const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  UniqueFd fd(::socket(address.socket.ss_family, type, IPPROTO_TCP));
  if (!fd) return std::unexpected(connect_failure(errno));
  // A request is written in one piece, or its body follows at once: Nagle could only delay it.
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* plain = reinterpret_cast<const sockaddr*>(&address.socket);
  if (::connect(fd.get(), plain, address.length) != 0) {
    // An interrupted connect() goes on in the background, as one that does not wait.
    if (errno != EINPROGRESS && errno != EINTR) return std::unexpected(connect_failure(errno));
    short seen = 0;
    const Waited waited = patience.wait(fd.get(), POLLOUT, seen, until);
    if (waited != Waited::ready) return std::unexpected(patience.failure(waited, "connecting"));
    if (const int error = socket_error(fd.get())) return std::unexpected(connect_failure(error));
  }
  patience.moved();
  return TcpStream(std::move(fd));
}

// To be woken for every 64 KiB costs a quarter of the CPU time of a fast transfer. But a window
// that has to fill before anybody reads grows late (at 20 ms a round trip a new connection's first
// 8 MiB took 1.3 s instead of 0.27 s), so the mark stays a small part of the buffer as the kernel
// has grown it, and stays away until that part is worth it.
void TcpStream::expect(std::size_t bytes) {
  constexpr std::size_t look_every = 1 * kMiB;
  constexpr std::size_t buffer_parts = 8;
  constexpr std::size_t worth_it = 64 * kKiB;
  constexpr std::size_t enough = 512 * kKiB;
  if (!unlooked_ || *unlooked_ >= look_every) {
    int buffer = 0;
    socklen_t length = sizeof buffer;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &buffer, &length);
    const std::size_t part = static_cast<std::size_t>(buffer) / buffer_parts;
    affordable_ = part < worth_it ? 1 : std::min(part, enough);
    unlooked_ = 0;
  }
  const std::size_t mark = std::clamp<std::size_t>(bytes, 1, affordable_);
  if (mark == wakes_at_) return;
  const int value = static_cast<int>(mark);
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value) == 0) wakes_at_ = mark;
}

Step TcpStream::read(std::span<std::byte> into) {
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (got > 0) {
      if (unlooked_) *unlooked_ += static_cast<std::size_t>(got);
      const auto bytes = static_cast<std::size_t>(got);
      return {Step::Kind::moved, bytes, {}, bytes < into.size()};
    }
    if (got == 0) return {Step::Kind::ended, 0, {}};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {Step::Kind::wants_read, 0, {}};
    return {Step::Kind::failed, 0, errno_text(errno)};
  }
}

Step TcpStream::write(std::span<const std::byte> from) {
  for (;;) {
    const ssize_t put = ::send(fd_.get(), from.data(), from.size(), MSG_NOSIGNAL);
    if (put > 0) return {Step::Kind::moved, static_cast<std::size_t>(put), {}};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {Step::Kind::wants_write, 0, {}};
    return {Step::Kind::failed, 0, errno_text(errno)};
  }
}

bool TcpStream::quiet() const {
  pollfd polled{fd_.get(), POLLIN | POLLRDHUP, 0};
  int ready = 0;
  do {
    ready = ::poll(&polled, 1, 0);
  } while (ready < 0 && errno == EINTR);
  return ready == 0;
}

}  // namespace restored::net
