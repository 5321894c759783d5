#include "data/listener.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "data/numbers.h"

namespace restored::data {
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

namespace {

constexpr int backlog = 511;
constexpr mode_t unix_mode = 0660;  // the agent's user and group

std::unexpected<Error> listen_error(const std::string& address, const error_code& error) {
  ErrorCode code = ErrorCode::io_error;
  if (error == asio::error::address_in_use) code = ErrorCode::address_in_use;
  if (error == asio::error::access_denied) code = ErrorCode::permission_denied;
  if (error.value() == EADDRNOTAVAIL) code = ErrorCode::invalid_configuration;
  return fail(code, fmt::format("cannot listen on {}: {}", address, error.message()));
}

struct HostPort {
  std::string host;  // empty: all addresses
  std::string port;
};

Result<HostPort> split(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon != std::string::npos) {
    HostPort parts{address.substr(0, colon), address.substr(colon + 1)};
    const auto port = parse_integer(parts.port);
    if (parts.host.starts_with('[') && parts.host.ends_with(']')) {
      parts.host = parts.host.substr(1, parts.host.size() - 2);
    }
    if (parts.host == "*") parts.host.clear();
    if (port && *port >= 0 && *port <= 65535) return parts;
  }
  return fail(ErrorCode::invalid_configuration,
              fmt::format("{} is not an address: it needs the form HOST:PORT", address));
}

Result<tcp::endpoint> resolve(asio::io_context& context, const std::string& address) {
  RESTORED_TRY(const HostPort parts, split(address));
  tcp::resolver resolver(context);
  error_code error;
  const auto found = resolver.resolve(
      parts.host, parts.port, tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("cannot resolve {}: {}", address, error.message()));
  }
  return found.begin()->endpoint();
}

// Only a socket that refuses is dead; whatever else stands there is left alone.
void remove_dead_socket(asio::io_context& context, const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  stream_protocol::socket probe(context);
  error_code error;
  probe.connect(stream_protocol::endpoint(path), error);
  if (error == asio::error::connection_refused) ::unlink(path.c_str());
}

}  // namespace

Result<tcp::acceptor> listen_tcp(asio::io_context& context, const std::string& address) {
  RESTORED_TRY(const tcp::endpoint endpoint, resolve(context, address));
  tcp::acceptor acceptor(context);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(backlog, error);
  if (error) return listen_error(address, error);
  return acceptor;
}

Result<stream_protocol::acceptor> listen_unix(asio::io_context& context, const std::string& path) {
  constexpr std::size_t path_bytes_max = 107;
  if (path.size() > path_bytes_max) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("the socket path {} is longer than {} bytes", path, path_bytes_max));
  }
  remove_dead_socket(context, path);
  stream_protocol::acceptor acceptor(context);
  error_code error;
  acceptor.open(stream_protocol(), error);
  if (!error) acceptor.bind(stream_protocol::endpoint(path), error);
  // Whatever the umask; before it listens, nobody gets in.
  if (!error && ::chmod(path.c_str(), unix_mode) != 0) {
    error.assign(errno, boost::system::system_category());
  }
  if (!error) acceptor.listen(backlog, error);
  if (error) return listen_error(path, error);
  return acceptor;
}

std::string to_text(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                    : fmt::format("{}:{}", host, endpoint.port());
}

void tune(tcp::socket& socket, unsigned keepalive_seconds) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (keepalive_seconds == 0) return;
  socket.set_option(tcp::socket::keep_alive(true), ignored);
  const int idle = static_cast<int>(keepalive_seconds);
  const int interval = std::max(idle / 3, 1);
  const int probes = 3;
  const int fd = socket.native_handle();
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

}  // namespace restored::data
