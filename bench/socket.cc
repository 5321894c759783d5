#include "socket.h"

#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace restored::bench {
namespace {

std::unexpected<Error> failed(const std::string& what) {
  return fail(ErrorCode::connection_failed, fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

Result<UniqueFd> connect_to(const net::Endpoint& endpoint) {
  ::addrinfo wanted = {};
  wanted.ai_socktype = SOCK_STREAM;
  ::addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  if (const int error = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &wanted, &found)) {
    return fail(ErrorCode::connection_failed,
                fmt::format("{}: {}", endpoint.host, ::gai_strerror(error)));
  }
  const std::unique_ptr<::addrinfo, void (*)(::addrinfo*)> owned(found, ::freeaddrinfo);
  for (const ::addrinfo* each = found; each != nullptr; each = each->ai_next) {
    UniqueFd socket(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, each->ai_protocol));
    if (!socket || ::connect(socket.get(), each->ai_addr, each->ai_addrlen) != 0) continue;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
  }
  return failed("connecting to " + endpoint.text());
}

Result<UniqueFd> connect_to_path(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, unix_path_bytes_max);
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<::sockaddr*>(&address), sizeof address) != 0) {
    return failed("connecting to " + path);
  }
  return socket;
}

Result<UniqueFd> listen_on_loopback(std::uint16_t& port) {
  constexpr int waiting_max = 128;
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t length = sizeof address;
  auto* raw = reinterpret_cast<::sockaddr*>(&address);
  if (!socket || ::bind(socket.get(), raw, length) != 0 ||
      ::getsockname(socket.get(), raw, &length) != 0 || ::listen(socket.get(), waiting_max) != 0) {
    return failed("listening on loopback");
  }
  port = ntohs(address.sin_port);
  return socket;
}

}  // namespace restored::bench
