#include "config/config.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <limits>
#include <memory>
#include <system_error>
#include <utility>

#include <toml++/toml.h>

#include "base/utf8.h"
#include "config/keys.h"

namespace restored::agent {
namespace {

// Of what the file says, in a message about it.
constexpr std::size_t shown_bytes_max = 200;

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

std::optional<std::uint64_t> parse_with_units(std::string_view text, std::span<const Unit> units) {
  std::uint64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{}) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (suffix != unit.suffix) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

bool is_section(std::string_view name) {
  return name == "backups" || name == "control" || name == "data" || name == "encryption" ||
         name == "engine" || name == "hooks" || name == "s3" || name == "store";
}

// A file of settings is read by more people and programs than a secret may be.
bool is_secret(std::string_view path) {
  return path == "s3.secret_access_key" || path == "s3.session_token" ||
         path == "s3.security_token" || path == "s3.secret_key" || path == "s3.secret" ||
         path == "encryption.key" || path == "encryption.previous_keys";
}

Result<void> apply_table(const toml::table& table, const std::string& prefix,
                         std::string_view origin, Config& config) {
  for (const auto& [key, node] : table) {
    const std::string path = prefix + std::string(key.str());
    const auto line = key.source().begin.line;
    if (prefix.empty() && is_section(path) && node.is_table()) {
      RESTORED_TRY(apply_table(*node.as_table(), path + ".", origin, config));
      continue;
    }
    if (is_secret(path)) {
      return fail(
          ErrorCode::invalid_configuration,
          fmt::format("{}, line {}: \"{}\" would put a secret into this file", origin, line, path),
          std::string(path.starts_with("s3.") ? secret_hint : key_hint));
    }
    const Setter* const setter = find_setter(path);
    if (setter == nullptr) {
      return fail(ErrorCode::invalid_configuration,
                  fmt::format("{}, line {}: unknown key \"{}\"", origin, line,
                              printable(path, shown_bytes_max)),
                  "The README's configuration table lists every key.");
    }
    if (const auto wanted = (*setter)(node, config)) {
      return fail(ErrorCode::invalid_configuration,
                  fmt::format("{}, line {}: \"{}\" must be {}", origin, line, path, *wanted));
    }
  }
  return {};
}

std::unexpected<Error> unreadable(const std::string& path, int error) {
  const std::string message =
      fmt::format("cannot read {}: {}", path, std::generic_category().message(error));
  switch (error) {
    case ENOENT:
      return fail(ErrorCode::file_not_found, message,
                  "Write the file, or leave --config out: everything has a default.");
    case EACCES:
    case EPERM:
      return fail(ErrorCode::permission_denied, message,
                  "Let the agent's user read the file and pass its directories.");
    default:
      return fail(ErrorCode::io_error, message, "--config names a file of TOML text.");
  }
}

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  static constexpr Unit units[] = {{"", 1},       {"B", 1},      {"KiB", kKiB},
                                   {"MiB", kMiB}, {"GiB", kGiB}, {"TiB", 1024 * kGiB}};
  return parse_with_units(text, units);
}

std::optional<std::uint64_t> parse_seconds(std::string_view text) {
  static constexpr Unit units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  return parse_with_units(text, units);
}

std::optional<std::uint64_t> parse_time_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto two_digits = [&](std::size_t at) -> std::uint64_t {
    std::uint64_t number = 0;
    const char* const end = text.data() + at + 2;
    const auto [stopped, status] = std::from_chars(text.data() + at, end, number);
    return status == std::errc{} && stopped == end ? number : 99;
  };
  const std::uint64_t hours = two_digits(0);
  const std::uint64_t minutes = two_digits(3);
  if (hours > 23 || minutes > 59) return std::nullopt;
  return hours * 3600 + minutes * 60;
}

Config default_config() {
  Config config;
  config.engine.state_directory = "/var/lib/restored";
  config.control_listen = {"unix:/run/restored/control.sock"};
  return config;
}

Result<void> apply_toml(std::string_view text, std::string_view origin, Config& config) {
  // Debian's library is built to throw; nothing leaves this function.
  toml::table parsed;
  try {
    parsed = toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("{}, line {}: {}", origin, error.source().begin.line,
                            printable(error.description(), shown_bytes_max)));
  }
  return apply_table(parsed, "", origin, config);
}

Result<void> apply_file(const std::string& path, Config& config) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (!file) return unreadable(path, errno);
  std::string content;
  std::array<char, 4096> part{};
  while (const std::size_t count = std::fread(part.data(), 1, part.size(), file.get())) {
    content.append(part.data(), count);
  }
  if (std::ferror(file.get()) != 0) return unreadable(path, errno);
  return apply_toml(content, path, config);
}

}  // namespace restored::agent
