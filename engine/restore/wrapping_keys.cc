#include "restore/wrapping_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "io/secret_file.h"
#include "seal/key.h"

namespace restored::restore {
namespace {

constexpr std::string_view credential = "credential:";
constexpr std::size_t key_file_bytes_max = 4096;
constexpr std::size_t name_shown_max = 32;  // a key has 43 characters or more
constexpr const char* how_to_make =
    "Make a key of 32 random bytes in base64: (umask 077; head -c 32 /dev/urandom | base64 > "
    "FILE).";

std::string credentials_directory() {
  const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
  return directory == nullptr ? std::string() : std::string(directory);
}

struct KeyPlace {
  std::string path;
  bool of_systemd = false;  // who keeps it from others itself
};

// A key that was written in the place of a credential's name is not quoted.
std::string shown(std::string_view name) {
  return name.size() < name_shown_max ? std::string(name)
                                      : fmt::format("<{} characters>", name.size());
}

Result<KeyPlace> place_of(const std::string& named) {
  const std::string directory = credentials_directory();
  if (!named.starts_with(credential))
    return KeyPlace{named, !directory.empty() && named.starts_with(directory + "/")};
  if (directory.empty())
    return fail(ErrorCode::invalid_configuration,
                fmt::format("{}{}: the agent was started without credentials", credential,
                            shown(std::string_view(named).substr(credential.size()))),
                "Start it by systemd with LoadCredential=NAME:/FILE, or name a file.");
  return KeyPlace{directory + "/" + named.substr(credential.size()), true};
}

Result<format::WrappingKey> read_key(const std::string& named) {
  RESTORED_TRY(const KeyPlace place, place_of(named));
  auto read = io::read_named_secret_file(place.path, key_file_bytes_max);
  if (!read && named.starts_with(credential))
    return fail(read.error().code,
                fmt::format("credential {} cannot be read",
                            shown(std::string_view(named).substr(credential.size()))),
                "Give the unit LoadCredential=NAME:/FILE with that name.");
  RESTORED_TRY(const io::SecretFile file, std::move(read));
  if (file.others_may_read && !place.of_systemd)
    return fail(ErrorCode::invalid_configuration,
                fmt::format("{} may be read by others than its owner", place.path),
                "Make it the agent's user's and chmod 0400 it.");
  std::optional<seal::Key> key = seal::Key::parse(file.text.view());
  if (!key)
    return fail(ErrorCode::invalid_configuration,
                fmt::format("{} does not hold a key: 32 bytes as base64 or hexadecimal digits, and "
                            "nothing else",
                            place.path),
                how_to_make);
  return format::WrappingKey(std::move(*key));
}

Result<void> add(std::string_view setting, const std::string& named,
                 std::vector<format::WrappingKey>& keys) {
  Result<format::WrappingKey> key = read_key(named);
  if (!key) return std::unexpected(context(setting, std::move(key).error()));
  const bool known = std::ranges::any_of(
      keys, [&](const format::WrappingKey& other) { return other.id() == key->id(); });
  if (!known) keys.push_back(std::move(*key));
  return {};
}

}  // namespace

Result<std::vector<format::WrappingKey>> read_wrapping_keys(const EncryptionOptions& options) {
  std::vector<format::WrappingKey> keys;
  if (options.key_file.empty()) {
    if (options.previous_key_files.empty()) return keys;
    return fail(ErrorCode::invalid_configuration,
                "encryption.previous_key_files needs encryption.key_file beside it");
  }
  RESTORED_TRY(add("encryption.key_file", options.key_file, keys));
  for (const std::string& file : options.previous_key_files)
    RESTORED_TRY(add("encryption.previous_key_files", file, keys));
  return keys;
}

}  // namespace restored::restore
