// The agent's configuration: defaults, then the file, then the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "restored/engine.h"
#include "restored/error.h"
#include "restored/limits.h"

namespace restored::agent {

// Where secrets belong.
inline constexpr std::string_view secret_hint =
    "Put the secret key alone into a file that only the agent's user can read and name it in "
    "s3.secret_access_key_file, or name a file with profiles in s3.credentials_file.";

inline constexpr std::string_view key_hint =
    "Put the key alone into a file that only the agent's user can read and name it in "
    "encryption.key_file.";

inline constexpr std::string_view default_config_path = "/etc/restored/restored.toml";

struct Config {
  EngineOptions engine;  // state_directory and repository_url among them

  std::vector<std::string> control_listen;  // "unix:PATH", "tcp:HOST:PORT"
  std::string control_group = "restored";   // of the unix socket; ignored when it does not exist
  unsigned control_requests_per_second = limits::requests_per_second_default;  // 0: no limit
  std::uint64_t control_clients_max = limits::http_clients_max;
  bool control_allow_remote_plaintext = false;

  std::string data_listen = "127.0.0.1:6379";  // "HOST:PORT", port 0: the kernel chooses
  std::string data_unix_socket;                // empty: none
  std::string data_advertise;  // "HOST:PORT" in connection strings; empty: data_listen
  unsigned data_threads = 0;   // 0: one a core
  std::uint64_t data_clients_max = limits::clients_max_default;
  std::uint64_t data_value_bytes_max = limits::value_bytes_max_default;
  Durability data_durability = Durability::process;

  log::Level log_level = log::Level::info;
  bool core_dumps = false;
};

Config default_config();

// Applies a TOML document over `config`. Errors: invalid_configuration; the message names the
// origin, the line and the key. Unknown keys are errors.
Result<void> apply_toml(std::string_view text, std::string_view origin, Config& config);
// Errors: as apply_toml, and file_not_found, permission_denied, io_error.
Result<void> apply_file(const std::string& path, Config& config);

// What no single key can see: relations, ranges, absolute paths.
Result<void> validate(const Config& config);

// "256MiB", "1GiB", "4096": bytes. "24h", "30m", "90s", "7d": seconds.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
std::optional<std::uint64_t> parse_seconds(std::string_view text);
// "02:30": seconds since midnight.
std::optional<std::uint64_t> parse_time_of_day(std::string_view text);

}  // namespace restored::agent
