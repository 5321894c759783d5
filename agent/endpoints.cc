#include "endpoints.h"

#include <fmt/format.h>
#include <grp.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace restored::agent {
namespace {

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

// "host:port" and "[v6 address]:port".
std::optional<HostPort> split(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') != host.ends_with(']')) return std::nullopt;
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  HostPort result{std::string(host), 0};
  const auto [end, status] =
      std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  if (status != std::errc{} || end != digits.data() + digits.size() || host.empty()) {
    return std::nullopt;
  }
  return result;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "localhost";
}

}  // namespace

data::DataOptions data_options(const Config& config) {
  data::DataOptions options;
  options.listen = config.data_listen;
  if (!config.data_unix_socket.empty()) options.unix_path = config.data_unix_socket;
  options.threads = config.data_threads;
  options.clients_max = config.data_clients_max;
  options.value_bytes_max = config.data_value_bytes_max;
  options.durability = config.data_durability;
  return options;
}

Result<control::DataEndpoint> advertised_endpoint(const Config& config, std::uint16_t data_port) {
  if (!config.data_advertise.empty()) {
    const auto told = split(config.data_advertise);
    if (!told || told->port == 0) {
      return fail(
          ErrorCode::invalid_configuration,
          fmt::format("data.advertise must be HOST:PORT, not \"{}\"", config.data_advertise));
    }
    return control::DataEndpoint{told->host, told->port};
  }
  const auto listening = split(config.data_listen);
  const bool everywhere = !listening || listening->host == "0.0.0.0" || listening->host == "::" ||
                          listening->host == "*";
  return control::DataEndpoint{everywhere ? host_name() : listening->host, data_port};
}

Result<control::ControlOptions> control_options(const Config& config, std::uint16_t data_port) {
  control::ControlOptions options;
  options.listen = config.control_listen;
  // A host without the group still gets its socket, for the agent's own group.
  if (::getgrnam(config.control_group.c_str()) != nullptr) {
    options.unix_group = config.control_group;
  }
  RESTORED_TRY(options.data, advertised_endpoint(config, data_port));
  options.requests_per_second = config.control_requests_per_second;
  options.clients_max = config.control_clients_max;
  options.allow_remote_plaintext = config.control_allow_remote_plaintext;
  return options;
}

}  // namespace restored::agent
