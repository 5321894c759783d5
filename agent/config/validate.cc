#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/utf8.h"
#include "config/config.h"

namespace restored::agent {
namespace {

constexpr std::size_t shown_bytes_max = 200;

std::unexpected<Error> refuse(std::string message, std::string hint = {}) {
  return fail(ErrorCode::invalid_configuration, std::move(message), std::move(hint));
}

// Where a URL may hold user:password, ours may not: it is printed, logged and told by info. So it
// is not quoted here either.
Result<void> check_repository(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string_view::npos || url.starts_with("file:")) return {};
  const std::string_view host = url.substr(begin + 3, url.find('/', begin + 3) - begin - 3);
  if (host.find('@') == std::string_view::npos) return {};
  return refuse("the repository's URL holds credentials, which would be seen by all who see it",
                std::string(secret_hint));
}

Result<void> check_path(std::string_view key, const std::string& path) {
  if (path.empty() || path.starts_with('/')) return {};
  return refuse(fmt::format("{} must be an absolute path, not \"{}\"", key,
                            printable(path, shown_bytes_max)));
}

Result<void> check_s3(const S3Options& s3) {
  RESTORED_TRY(check_path("s3.ca_file", s3.ca_file));
  RESTORED_TRY(check_path("s3.credentials_file", s3.credentials_file));
  // Not quoted: it may be the secret itself.
  if (!s3.secret_access_key_file.empty() && !s3.secret_access_key_file.starts_with('/'))
    return refuse("s3.secret_access_key_file must be the absolute path of a file",
                  std::string(secret_hint));
  if (s3.access_key_id.empty() != s3.secret_access_key_file.empty()) {
    const bool id = !s3.access_key_id.empty();
    return refuse(
        fmt::format("s3.{} needs s3.{} beside it", id ? "access_key_id" : "secret_access_key_file",
                    id ? "secret_access_key_file" : "access_key_id"),
        std::string(secret_hint));
  }
  const bool url = s3.endpoint.starts_with("http://") || s3.endpoint.starts_with("https://");
  if (!s3.endpoint.empty() && (!url || s3.endpoint.find('@') != std::string::npos)) {
    return refuse("s3.endpoint must be http://HOST[:PORT] or https://HOST[:PORT]");
  }
  return {};
}

Result<void> check_key_file(std::string_view key, const std::string& named) {
  constexpr std::string_view credential = "credential:";
  if (!named.starts_with(credential)) {
    if (named.starts_with('/')) return {};
    // Not quoted: it may be the key itself.
    return refuse(fmt::format("{} must be the absolute path of a file, or credential:NAME", key),
                  std::string(key_hint));
  }
  const std::string_view name = std::string_view(named).substr(credential.size());
  if (!name.empty() && !name.starts_with('.') && name.find('/') == std::string_view::npos)
    return {};
  return refuse(fmt::format("{} names no credential: it must be credential:NAME", key));
}

Result<void> check_encryption(const EncryptionOptions& encryption) {
  if (encryption.key_file.empty()) {
    if (encryption.previous_key_files.empty() && !encryption.accept_unencrypted) return {};
    return refuse(
        "encryption.previous_key_files and encryption.accept_unencrypted need "
        "encryption.key_file beside them");
  }
  RESTORED_TRY(check_key_file("encryption.key_file", encryption.key_file));
  for (const std::string& file : encryption.previous_key_files)
    RESTORED_TRY(check_key_file("encryption.previous_key_files", file));
  return {};
}

// Whether they can be run is the engine's question (Engine::check_hooks): this one is asked of
// restorectl, too, which may be on another host.
Result<void> check_hooks(const HookOptions& hooks) {
  RESTORED_TRY(check_path("hooks.before_swap", hooks.before_swap));
  RESTORED_TRY(check_path("hooks.after_swap", hooks.after_swap));
  RESTORED_TRY(check_path("hooks.failed", hooks.failed));
  if (hooks.seconds >= 1 && hooks.seconds <= limits::hook_seconds_max) return {};
  return refuse(
      fmt::format("hooks.timeout_seconds must be from 1 to {}", limits::hook_seconds_max));
}

Result<void> check_store(const StoreOptions& store) {
  if (store.reads_max < 1 || store.reads_max > limits::ranges_in_flight_max) {
    return refuse(
        fmt::format("store.reads_max must be from 1 to {}", limits::ranges_in_flight_max));
  }
  if (store.writes_max < 1 || store.writes_max > limits::store_writes_max) {
    return refuse(fmt::format("store.writes_max must be from 1 to {}", limits::store_writes_max));
  }
  for (const auto& [key, seconds] : {std::pair("stall_timeout", store.stall_seconds),
                                     std::pair("retry_time", store.retry_seconds)}) {
    if (seconds >= 1 && seconds <= limits::store_seconds_max) continue;
    return refuse(
        fmt::format("store.{} must be from 1s to {}h", key, limits::store_seconds_max / 3600));
  }
  const std::uint64_t rate = store.bandwidth_bytes_per_second;
  if (rate != 0 && rate < limits::store_bytes_per_second_min) {
    return refuse(fmt::format("store.bandwidth must be at least {} KiB, or 0: no limit",
                              limits::store_bytes_per_second_min / kKiB));
  }
  return {};
}

Result<void> check_backups(const BackupPolicy& backups) {
  if (backups.every_seconds < limits::backup_every_seconds_min ||
      backups.every_seconds > limits::backup_every_seconds_max) {
    return refuse(fmt::format("backups.every must be from {}s to {}d",
                              limits::backup_every_seconds_min,
                              limits::backup_every_seconds_max / 86400));
  }
  if (backups.keep_days > limits::backup_keep_days_max) {
    return refuse(
        fmt::format("backups.keep_days must be at most {}", limits::backup_keep_days_max));
  }
  if (backups.keep_count > limits::backup_keep_count_max) {
    return refuse(
        fmt::format("backups.keep_count must be at most {}", limits::backup_keep_count_max));
  }
  if (!backups.keep_manual && backups.keeps_everything()) {
    return refuse("backups.keep_manual = false needs backups.keep_days or backups.keep_count");
  }
  return {};
}

}  // namespace

Result<void> validate(const Config& config) {
  if (!config.engine.state_directory.starts_with('/')) {
    return refuse(fmt::format("the state directory must be an absolute path, not \"{}\"",
                              printable(config.engine.state_directory, shown_bytes_max)));
  }
  if (config.control_listen.empty()) return refuse("control.listen names no address");
  if (config.control_requests_per_second > limits::requests_per_second_max) {
    return refuse(fmt::format("control.requests_per_second must be at most {} (0: no limit)",
                              limits::requests_per_second_max));
  }
  if (config.control_clients_max < 1 ||
      config.control_clients_max > limits::http_clients_configured_max) {
    return refuse(fmt::format("control.clients_max must be between 1 and {}",
                              limits::http_clients_configured_max));
  }
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
  if (config.engine.hold_seconds < 1 || config.engine.hold_seconds > limits::hold_seconds_max) {
    return refuse(
        fmt::format("engine.hold_time must be from 1s to {}d", limits::hold_seconds_max / 86400));
  }
  if (config.data_clients_max == 0) return refuse("data.clients_max must be at least 1");
  if (config.data_value_bytes_max < 1024 || config.data_value_bytes_max > 2 * kGiB) {
    return refuse("data.value_bytes_max must be between 1 KiB and 2 GiB");
  }
  RESTORED_TRY(check_repository(config.engine.repository_url));
  RESTORED_TRY(check_s3(config.engine.store.s3));
  RESTORED_TRY(check_encryption(config.engine.encryption));
  RESTORED_TRY(check_store(config.engine.store));
  RESTORED_TRY(check_backups(config.engine.backups));
  RESTORED_TRY(check_hooks(config.engine.hooks));
  const std::uint64_t deadline = config.engine.operation_seconds_max;
  if (deadline != 0 &&
      (deadline < limits::operation_seconds_min || deadline > limits::operation_seconds_max)) {
    return refuse(fmt::format("store.operation_deadline must be from {}s to {}d, or 0: none",
                              limits::operation_seconds_min,
                              limits::operation_seconds_max / 86400));
  }
  return {};
}

}  // namespace restored::agent
