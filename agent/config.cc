#include "config.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include <toml++/toml.h>

namespace restored::agent {
namespace {

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

// Sets one key from its TOML node; returns what it wanted when the node does not fit.
using Setter = std::function<std::optional<std::string_view>(const toml::node&, Config&)>;

Setter text(std::string Config::* member) {
  return [member](const toml::node& node, Config& config) -> std::optional<std::string_view> {
    const auto value = node.value_exact<std::string>();
    if (!value) return "a string";
    config.*member = *value;
    return std::nullopt;
  };
}

template <class Get>
Setter boolean(Get get) {
  return [get](const toml::node& node, Config& config) -> std::optional<std::string_view> {
    const auto value = node.value_exact<bool>();
    if (!value) return "true or false";
    get(config) = *value;
    return std::nullopt;
  };
}

template <class Get>
Setter number(Get get) {
  return [get](const toml::node& node, Config& config) -> std::optional<std::string_view> {
    const auto value = node.value_exact<std::int64_t>();
    using Number = std::remove_reference_t<decltype(get(config))>;
    if (!value || std::cmp_less(*value, 0) ||
        std::cmp_greater(*value, std::numeric_limits<Number>::max())) {
      return "a whole number that is not negative";
    }
    get(config) = static_cast<Number>(*value);
    return std::nullopt;
  };
}

template <class Get>
Setter quantity(Get get, std::optional<std::uint64_t> (*parse)(std::string_view),
                std::string_view wanted) {
  return [=](const toml::node& node, Config& config) -> std::optional<std::string_view> {
    if (const auto plain = node.value_exact<std::int64_t>(); plain && *plain >= 0) {
      get(config) = static_cast<std::uint64_t>(*plain);
      return std::nullopt;
    }
    const auto value = node.value_exact<std::string>();
    const auto parsed = value ? parse(*value) : std::nullopt;
    if (!parsed) return wanted;
    get(config) = *parsed;
    return std::nullopt;
  };
}

std::optional<std::string_view> set_control_listen(const toml::node& node, Config& config) {
  constexpr std::string_view wanted = "an array of \"unix:PATH\" and \"tcp:HOST:PORT\"";
  const toml::array* array = node.as_array();
  if (array == nullptr) return wanted;
  std::vector<std::string> addresses;
  for (const toml::node& element : *array) {
    const auto value = element.value_exact<std::string>();
    if (!value) return wanted;
    addresses.push_back(*value);
  }
  config.control_listen = std::move(addresses);
  return std::nullopt;
}

std::optional<std::string_view> set_durability(const toml::node& node, Config& config) {
  const auto value = node.value_exact<std::string>();
  if (value == "process") {
    config.data_durability = Durability::process;
  } else if (value == "device") {
    config.data_durability = Durability::device;
  } else {
    return "\"process\" or \"device\"";
  }
  return std::nullopt;
}

std::optional<std::string_view> set_log_level(const toml::node& node, Config& config) {
  const auto value = node.value_exact<std::string>();
  const auto level = value ? log::level_from(*value) : std::nullopt;
  if (!level) return "\"debug\", \"info\", \"warning\" or \"error\"";
  config.log_level = *level;
  return std::nullopt;
}

std::optional<std::string_view> set_verify(const toml::node& node, Config& config) {
  const auto value = node.value_exact<std::string>();
  if (value != "sampled" && value != "full") return "\"sampled\" or \"full\"";
  config.engine.verify_full = value == "full";
  return std::nullopt;
}

// Every key there is; README.md has the same table for people.
const std::map<std::string, Setter, std::less<>>& keys() {
  static constexpr std::string_view bytes = "bytes, as a number or as text like \"256MiB\"";
  static constexpr std::string_view time = "seconds, as a number or as text like \"24h\"";
  static const std::map<std::string, Setter, std::less<>> table = {
      {"state",
       [](const toml::node& node, Config& config) -> std::optional<std::string_view> {
         const auto value = node.value_exact<std::string>();
         if (!value) return "a string";
         config.engine.state_directory = *value;
         return std::nullopt;
       }},
      {"repository",
       [](const toml::node& node, Config& config) -> std::optional<std::string_view> {
         const auto value = node.value_exact<std::string>();
         if (!value) return "a string";
         config.engine.repository_url = *value;
         return std::nullopt;
       }},
      {"log_level", set_log_level},
      {"control.listen", set_control_listen},
      {"control.group", text(&Config::control_group)},
      {"control.allow_remote_plaintext",
       boolean([](Config& c) -> bool& { return c.control_allow_remote_plaintext; })},
      {"data.listen", text(&Config::data_listen)},
      {"data.unix_socket", text(&Config::data_unix_socket)},
      {"data.advertise", text(&Config::data_advertise)},
      {"data.threads", number([](Config& c) -> unsigned& { return c.data_threads; })},
      {"data.clients_max", number([](Config& c) -> std::uint64_t& { return c.data_clients_max; })},
      {"data.value_bytes_max",
       quantity([](Config& c) -> std::uint64_t& { return c.data_value_bytes_max; }, parse_bytes,
                bytes)},
      {"data.durability", set_durability},
      {"engine.memory_budget",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.memory_budget_bytes; },
                parse_bytes, bytes)},
      {"engine.block_cache",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.block_cache_bytes; }, parse_bytes,
                bytes)},
      {"engine.space_reserve",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.space_reserve_bytes; },
                parse_bytes, bytes)},
      {"engine.undo_time",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.undo_seconds; }, parse_seconds,
                time)},
      {"engine.decode_threads",
       number([](Config& c) -> unsigned& { return c.engine.decode_threads; })},
      {"engine.compression_level",
       number([](Config& c) -> int& { return c.engine.compression_level; })},
      {"engine.io_uring", boolean([](Config& c) -> bool& { return c.engine.io_uring; })},
      {"engine.direct_io", boolean([](Config& c) -> bool& { return c.engine.direct_io; })},
      {"engine.verify", set_verify},
  };
  return table;
}

bool is_section(std::string_view name) {
  return name == "control" || name == "data" || name == "engine";
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
    const auto setter = keys().find(path);
    if (setter == keys().end()) {
      return fail(ErrorCode::invalid_configuration,
                  fmt::format("{}, line {}: unknown key \"{}\"", origin, line, path),
                  "The README's configuration table lists every key.");
    }
    if (const auto wanted = setter->second(node, config)) {
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
    return fail(
        ErrorCode::invalid_configuration,
        fmt::format("{}, line {}: {}", origin, error.source().begin.line, error.description()));
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

Result<void> validate(const Config& config) {
  const auto refuse = [](std::string message) {
    return fail(ErrorCode::invalid_configuration, std::move(message));
  };
  if (!config.engine.state_directory.starts_with('/')) {
    return refuse(fmt::format("the state directory must be an absolute path, not \"{}\"",
                              config.engine.state_directory));
  }
  if (config.control_listen.empty()) return refuse("control.listen names no address");
  if (config.engine.memory_budget_bytes < limits::memory_budget_bytes_min) {
    return refuse(fmt::format("engine.memory_budget must be at least {} MiB",
                              limits::memory_budget_bytes_min / kMiB));
  }
  if (config.engine.compression_level < 1 || config.engine.compression_level > 19) {
    return refuse("engine.compression_level must be between 1 and 19");
  }
  if (config.engine.decode_threads > limits::configured_threads_max) {
    return refuse(fmt::format("engine.decode_threads must be at most {} (0: one a core)",
                              limits::configured_threads_max));
  }
  if (config.data_threads > limits::configured_threads_max) {
    return refuse(fmt::format("data.threads must be at most {} (0: one a core)",
                              limits::configured_threads_max));
  }
  if (config.engine.undo_seconds > limits::undo_seconds_max) {
    return refuse(
        fmt::format("engine.undo_time must be at most {}d", limits::undo_seconds_max / 86400));
  }
  if (config.data_clients_max == 0) return refuse("data.clients_max must be at least 1");
  if (config.data_value_bytes_max < 1024 || config.data_value_bytes_max > 2 * kGiB) {
    return refuse("data.value_bytes_max must be between 1 KiB and 2 GiB");
  }
  return {};
}

}  // namespace restored::agent
