#include "repository_place.h"

#include <fmt/core.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "config/config.h"
#include "io/file_system.h"
#include "store/environment.h"
#include "store/open_store.h"
#include "store/s3_probe.h"

namespace restored::ctl {
namespace {

constexpr std::uint64_t stall_seconds_max = 10;
constexpr std::uint64_t retry_seconds_max = 20;

std::string user_name(uid_t user) {
  std::array<char, 4096> memory{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, memory.data(), memory.size(), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return fmt::format("#{}", user);
}

// A directory that this tool would make, or files in it, would belong to whoever runs it, and then
// the agent could not write there.
store::Finding look_at_directory(const std::string& directory) {
  struct stat status = {};
  if (::stat(directory.c_str(), &status) != 0) {
    const int cause = errno;
    const std::string message =
        fmt::format("{}: {}", directory, std::generic_category().message(cause));
    if (cause == ENOENT) {
      return store::failure(
          "directory",
          {ErrorCode::file_not_found, message,
           "Mount the file system, or make the directory, owned by the agent's user."});
    }
    return store::failure("directory",
                          {ErrorCode::permission_denied, message,
                           "Run this as the agent's user: sudo -u restored restorectl ..."});
  }
  if (!S_ISDIR(status.st_mode)) {
    return store::failure("directory", {ErrorCode::invalid_configuration,
                                        fmt::format("{} is no directory", directory),
                                        "Name the directory that is to hold the repository."});
  }
  if (::geteuid() == 0 && status.st_uid != 0) {
    const std::string owner = user_name(status.st_uid);
    return store::failure(
        "directory",
        {ErrorCode::permission_denied,
         fmt::format("{} belongs to {}: as root the check would prove nothing, and "
                     "leave directories that {} cannot write",
                     directory, owner, owner),
         fmt::format("Run it as that user: sudo -u {} restorectl repository check.", owner)});
  }
  return store::well("directory", fmt::format("{}, of {}", directory, user_name(status.st_uid)));
}

}  // namespace

Result<Place> place_of(const std::string& url, const std::string& config) {
  agent::Config settings = agent::default_config();
  std::error_code ignored;
  if (!config.empty()) {
    RESTORED_TRY(agent::apply_file(config, settings));
  } else if (std::filesystem::exists(agent::default_config_path, ignored)) {
    RESTORED_TRY(agent::apply_file(std::string(agent::default_config_path), settings));
  }
  if (!url.empty()) settings.engine.repository_url = url;
  RESTORED_TRY(agent::validate(settings));
  if (settings.engine.repository_url.empty()) {
    return fail(ErrorCode::invalid_argument, "no repository is named",
                "Give its URL, or --config with a file that has one.");
  }
  return Place{settings.engine.repository_url, settings.engine.store, settings.engine.encryption};
}

std::vector<store::Finding> look_before_opening(
    const Place& place, std::stop_token stop,
    const std::function<void(const store::Finding&)>& tell) {
  if (place.url.starts_with("s3://")) {
    return store::probe_s3(place.url, place.store.s3, store::process_environment(), system_clock(),
                           std::move(stop), tell);
  }
  const Result<std::string> directory = store::directory_of(place.url);
  std::vector<store::Finding> findings;
  findings.push_back(directory ? look_at_directory(*directory)
                               : store::failure("address", directory.error()));
  tell(findings.back());
  return findings;
}

Result<std::unique_ptr<ObjectStore>> open_place(const Place& place) {
  StoreOptions options = place.store;
  options.stall_seconds = std::min(options.stall_seconds, stall_seconds_max);
  options.retry_seconds = std::min(options.retry_seconds, retry_seconds_max);
  return store::open_store(place.url, io::system_files(), nullptr, options);
}

}  // namespace restored::ctl
