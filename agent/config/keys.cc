#include "config/keys.h"

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace restored::agent {
namespace {

S3Options& s3(Config& config) {
  return config.engine.store.s3;
}

template <class Get>
Setter text(Get get) {
  return [get](const toml::node& node, Config& config) -> std::optional<std::string_view> {
    const auto value = node.value_exact<std::string>();
    if (!value) return "a string";
    get(config) = *value;
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

std::optional<std::string_view> set_previous_keys(const toml::node& node, Config& config) {
  constexpr std::string_view wanted = "an array of files";
  const toml::array* array = node.as_array();
  if (array == nullptr) return wanted;
  std::vector<std::string> files;
  for (const toml::node& element : *array) {
    const auto value = element.value_exact<std::string>();
    if (!value) return wanted;
    files.push_back(*value);
  }
  config.engine.encryption.previous_key_files = std::move(files);
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

std::optional<std::string_view> set_scheduled_databases(const toml::node& node, Config& config) {
  const auto value = node.value_exact<std::string>();
  if (value != "all" && value != "enabled") return "\"all\" or \"enabled\"";
  config.engine.backups.all_databases = value == "all";
  return std::nullopt;
}

std::optional<std::string_view> set_backup_time(const toml::node& node, Config& config) {
  const auto value = node.value_exact<std::string>();
  const auto seconds = value ? parse_time_of_day(*value) : std::nullopt;
  if (!seconds) return "a time of the day, in UTC, like \"02:30\"";
  config.engine.backups.at_seconds = *seconds;
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

std::optional<std::string_view> set_addressing(const toml::node& node, Config& config) {
  const auto value = node.value_exact<std::string>();
  Addressing& addressing = s3(config).addressing;
  if (value == "automatic") {
    addressing = Addressing::automatic;
  } else if (value == "path") {
    addressing = Addressing::path;
  } else if (value == "virtual-host") {
    addressing = Addressing::virtual_host;
  } else {
    return "\"automatic\", \"path\" or \"virtual-host\"";
  }
  return std::nullopt;
}

// Every key there is; README.md has the same table for people.
const std::map<std::string, Setter, std::less<>>& keys() {
  static constexpr std::string_view bytes = "bytes, as a number or as text like \"256MiB\"";
  static constexpr std::string_view time = "seconds, as a number or as text like \"24h\"";
  static const std::map<std::string, Setter, std::less<>> table = {
      {"state", text([](Config& c) -> std::string& { return c.engine.state_directory; })},
      {"repository", text([](Config& c) -> std::string& { return c.engine.repository_url; })},
      {"log_level", set_log_level},
      {"core_dumps", boolean([](Config& c) -> bool& { return c.core_dumps; })},
      {"control.listen", set_control_listen},
      {"control.group", text([](Config& c) -> std::string& { return c.control_group; })},
      {"control.requests_per_second",
       number([](Config& c) -> unsigned& { return c.control_requests_per_second; })},
      {"control.clients_max",
       number([](Config& c) -> std::uint64_t& { return c.control_clients_max; })},
      {"control.allow_remote_plaintext",
       boolean([](Config& c) -> bool& { return c.control_allow_remote_plaintext; })},
      {"data.listen", text([](Config& c) -> std::string& { return c.data_listen; })},
      {"data.unix_socket", text([](Config& c) -> std::string& { return c.data_unix_socket; })},
      {"data.advertise", text([](Config& c) -> std::string& { return c.data_advertise; })},
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
      {"engine.hold_time",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.hold_seconds; }, parse_seconds,
                time)},
      {"engine.decode_threads",
       number([](Config& c) -> unsigned& { return c.engine.decode_threads; })},
      {"engine.compression_level",
       number([](Config& c) -> int& { return c.engine.compression_level; })},
      {"engine.io_uring", boolean([](Config& c) -> bool& { return c.engine.io_uring; })},
      {"engine.direct_io", boolean([](Config& c) -> bool& { return c.engine.direct_io; })},
      {"engine.verify", set_verify},
      {"hooks.before_swap",
       text([](Config& c) -> std::string& { return c.engine.hooks.before_swap; })},
      {"hooks.after_swap",
       text([](Config& c) -> std::string& { return c.engine.hooks.after_swap; })},
      {"hooks.failed", text([](Config& c) -> std::string& { return c.engine.hooks.failed; })},
      {"hooks.timeout_seconds",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.hooks.seconds; }, parse_seconds,
                time)},
      {"s3.endpoint", text([](Config& c) -> std::string& { return s3(c).endpoint; })},
      {"s3.region", text([](Config& c) -> std::string& { return s3(c).region; })},
      {"s3.addressing", set_addressing},
      {"s3.ca_file", text([](Config& c) -> std::string& { return s3(c).ca_file; })},
      {"s3.credentials_file",
       text([](Config& c) -> std::string& { return s3(c).credentials_file; })},
      {"s3.profile", text([](Config& c) -> std::string& { return s3(c).profile; })},
      {"s3.access_key_id", text([](Config& c) -> std::string& { return s3(c).access_key_id; })},
      {"s3.secret_access_key_file",
       text([](Config& c) -> std::string& { return s3(c).secret_access_key_file; })},
      {"s3.instance_metadata", boolean([](Config& c) -> bool& { return s3(c).instance_metadata; })},
      {"encryption.key_file",
       text([](Config& c) -> std::string& { return c.engine.encryption.key_file; })},
      {"encryption.previous_key_files", set_previous_keys},
      {"encryption.accept_unencrypted",
       boolean([](Config& c) -> bool& { return c.engine.encryption.accept_unencrypted; })},
      {"backups.databases", set_scheduled_databases},
      {"backups.every",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.backups.every_seconds; },
                parse_seconds, time)},
      {"backups.at", set_backup_time},
      {"backups.spread",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.backups.spread_seconds; },
                parse_seconds, time)},
      {"backups.keep_days",
       number([](Config& c) -> std::uint64_t& { return c.engine.backups.keep_days; })},
      {"backups.keep_count",
       number([](Config& c) -> std::uint64_t& { return c.engine.backups.keep_count; })},
      {"backups.keep_manual",
       boolean([](Config& c) -> bool& { return c.engine.backups.keep_manual; })},
      {"store.reads_max", number([](Config& c) -> unsigned& { return c.engine.store.reads_max; })},
      {"store.writes_max",
       number([](Config& c) -> unsigned& { return c.engine.store.writes_max; })},
      {"store.stall_timeout",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.store.stall_seconds; },
                parse_seconds, time)},
      {"store.retry_time",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.store.retry_seconds; },
                parse_seconds, time)},
      {"store.bandwidth",
       quantity(
           [](Config& c) -> std::uint64_t& { return c.engine.store.bandwidth_bytes_per_second; },
           parse_bytes, "bytes a second, as a number or as text like \"100MiB\"; 0: no limit")},
      {"store.operation_deadline",
       quantity([](Config& c) -> std::uint64_t& { return c.engine.operation_seconds_max; },
                parse_seconds, "seconds, as a number or as text like \"3d\"; 0: none")},
  };
  return table;
}

}  // namespace

const Setter* find_setter(std::string_view key) {
  const auto found = keys().find(key);
  return found == keys().end() ? nullptr : &found->second;
}

}  // namespace restored::agent
