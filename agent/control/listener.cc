#include "control/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <memory>
#include <system_error>
#include <vector>

namespace restored::control {
namespace {

constexpr int backlog = 128;

std::string errno_words(int number) {
  return std::generic_category().message(number);
}

// The errno of a call on an address as our error.
std::unexpected<Error> refused(std::string_view call, std::string_view address, int number) {
  ErrorCode code = ErrorCode::io_error;
  switch (number) {
    case EADDRINUSE:
      code = ErrorCode::address_in_use;
      break;
    case EACCES:
    case EPERM:
      code = ErrorCode::permission_denied;
      break;
    case EADDRNOTAVAIL:
    case ENOENT:
    case ENOTDIR:
    case EROFS:
      code = ErrorCode::invalid_configuration;
      break;
    default:
      break;
  }
  return fail(code, fmt::format("{} {}: {}", call, address, errno_words(number)));
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/') {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("unix:{}: the path of a socket must be absolute", path));
  }
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("unix:{}: the path has {} bytes, a socket's path at most {}", path,
                            path.size(), sizeof address.sun_path - 1),
                "Choose a shorter path, for example below /run.");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<UniqueFd> make_socket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return refused("socket", "", errno);
  return fd;
}

// A socket file that nobody listens on is left over from a killed process: it goes. A live one,
// or anything that is no socket, stays.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return refused("stat", path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("{} exists and is not a socket", path),
                "Remove it or choose another path.");
  }
  RESTORED_TRY(const UniqueFd probe, make_socket(AF_UNIX));
  if (::connect(probe.get(), generic(address), sizeof address) == 0) {
    return fail(ErrorCode::address_in_use, fmt::format("another process listens on {}", path));
  }
  if (errno != ECONNREFUSED) return refused("connect", path, errno);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return refused("unlink", path, errno);
  return {};
}

Result<gid_t> group_id(const std::string& name) {
  std::vector<char> buffer(16 * 1024);
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return fail(ErrorCode::invalid_configuration, fmt::format("there is no group {}", name),
                "Create it, or name another one for the control socket.");
  }
  return found->gr_gid;
}

// Nobody can connect between bind and listen, so the mode is set in between.
Result<void> set_access(const std::string& path, const ControlOptions& options) {
  if (options.unix_group) {
    RESTORED_TRY(const gid_t group, group_id(*options.unix_group));
    if (::chown(path.c_str(), static_cast<uid_t>(-1), group) != 0) {
      return refused("chown", path, errno);
    }
  }
  if (::chmod(path.c_str(), static_cast<mode_t>(options.unix_mode)) != 0) {
    return refused("chmod", path, errno);
  }
  return {};
}

Result<Listener> listen_unix(const std::string& path, const ControlOptions& options) {
  RESTORED_TRY(const sockaddr_un address, unix_address(path));
  RESTORED_TRY(remove_stale(path, address));
  Listener listener;
  RESTORED_TRY(listener.fd, make_socket(AF_UNIX));
  if (::bind(listener.fd.get(), generic(address), sizeof address) != 0) {
    return refused("bind", path, errno);
  }
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return refused("stat", path, errno);
  listener.family = AF_UNIX;
  listener.address = fmt::format("unix:{}", path);
  listener.path = path;
  listener.device = status.st_dev;
  listener.inode = status.st_ino;
  Result<void> ready = set_access(path, options);
  if (ready && ::listen(listener.fd.get(), backlog) != 0) ready = refused("listen", path, errno);
  if (!ready) {
    remove_file(listener);
    return std::unexpected(std::move(ready).error());
  }
  return listener;
}

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(address);
    return ntohl(ipv4->sin_addr.s_addr) >> 24 == 127;
  }
  const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(address);
  return IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr) != 0;
}

std::string host_and_port(const sockaddr* address) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address->sa_family == AF_INET) {
    const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof host);
    return fmt::format("{}:{}", host, ntohs(ipv4->sin_port));
  }
  const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(address);
  ::inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof host);
  return fmt::format("[{}]:{}", host, ntohs(ipv6->sin6_port));
}

Result<void> check_reach(const sockaddr* address, std::string_view text,
                         const ControlOptions& options) {
  if (options.allow_remote_plaintext || is_loopback(address)) return {};
  return fail(ErrorCode::invalid_configuration,
              fmt::format("tcp:{} is reachable from other hosts, and tokens would cross the "
                          "network in clear",
                          text),
              "Listen on a loopback address, or allow remote plaintext explicitly.");
}

struct HostAndPort {
  std::string host;
  std::string port;
};

Result<HostAndPort> parsed_tcp(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  const std::string_view port =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (host.empty() || port.empty() || error != std::errc() || end != port.data() + port.size()) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("tcp:{}: expected tcp:HOST:PORT with a port from 0 to 65535", text));
  }
  return HostAndPort{std::string(host), std::string(port)};
}

Result<Listener> listen_tcp(std::string_view text, const ControlOptions& options) {
  RESTORED_TRY(const HostAndPort where, parsed_tcp(text));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found);
  if (failed != 0) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("tcp:{}: {}", text, ::gai_strerror(failed)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  RESTORED_TRY(check_reach(found->ai_addr, text, options));
  Listener listener;
  RESTORED_TRY(listener.fd, make_socket(found->ai_family));
  const int on = 1;
  ::setsockopt(listener.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener.fd.get(), found->ai_addr, found->ai_addrlen) != 0) {
    return refused("bind", fmt::format("tcp:{}", text), errno);
  }
  if (::listen(listener.fd.get(), backlog) != 0) {
    return refused("listen", fmt::format("tcp:{}", text), errno);
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  auto* const address = reinterpret_cast<sockaddr*>(&bound);
  if (::getsockname(listener.fd.get(), address, &length) != 0) {
    return refused("getsockname", text, errno);
  }
  listener.family = found->ai_family;
  listener.address = fmt::format("tcp:{}", host_and_port(address));
  return listener;
}

}  // namespace

Result<Listener> listen_on(std::string_view address, const ControlOptions& options) {
  if (address.starts_with("unix:")) return listen_unix(std::string(address.substr(5)), options);
  if (address.starts_with("tcp:")) return listen_tcp(address.substr(4), options);
  return fail(ErrorCode::invalid_configuration,
              fmt::format("{}: a control address is unix:PATH or tcp:HOST:PORT", address));
}

Result<Listener> adopt(int fd, const ControlOptions& options) {
  Listener listener;
  listener.fd = UniqueFd(fd);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  auto* const address = reinterpret_cast<sockaddr*>(&bound);
  if (::getsockname(fd, address, &length) != 0) {
    return refused("getsockname", fmt::format("inherited socket {}", fd), errno);
  }
  listener.family = bound.ss_family;
  if (bound.ss_family == AF_UNIX) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(address);
    const std::size_t bytes = length - offsetof(sockaddr_un, sun_path);
    listener.address = fmt::format(
        "unix:{}", std::string_view(local->sun_path, ::strnlen(local->sun_path, bytes)));
    return listener;
  }
  if (bound.ss_family != AF_INET && bound.ss_family != AF_INET6) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("inherited socket {} is neither unix nor TCP", fd));
  }
  const std::string where = host_and_port(address);
  RESTORED_TRY(check_reach(address, where, options));
  listener.address = fmt::format("tcp:{}", where);
  return listener;
}

void remove_file(const Listener& listener) {
  if (listener.path.empty()) return;
  struct stat status{};
  if (::lstat(listener.path.c_str(), &status) != 0) return;
  if (status.st_dev != listener.device || status.st_ino != listener.inode) return;
  ::unlink(listener.path.c_str());
}

std::string describe_peer(int fd, int family) {
  if (family == AF_UNIX) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return "uid=?";
    return fmt::format("uid={} pid={}", credentials.uid, credentials.pid);
  }
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  auto* const address = reinterpret_cast<sockaddr*>(&peer);
  if (::getpeername(fd, address, &length) != 0) return "peer=?";
  return fmt::format("peer={}", host_and_port(address));
}

}  // namespace restored::control
