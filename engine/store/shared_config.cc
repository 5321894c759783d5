#include "store/shared_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "restored/units.h"

namespace restored::store {
namespace {

constexpr std::size_t file_bytes_max = 1 * kMiB;
constexpr std::string_view blank = " \t\r\f\v";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) + 1 - begin);
}

// "value ; why" has the value "value"; "a#b" is one.
std::string_view without_comment(std::string_view value) {
  for (std::size_t at = 1; at < value.size(); ++at) {
    if ((value[at] == '#' || value[at] == ';') && blank.find(value[at - 1]) != blank.npos)
      return trimmed(value.substr(0, at));
  }
  return value;
}

// The name of "[ profile  x ] # why": "profile  x".
std::string_view section_name(std::string_view line) {
  const std::size_t end = line.find(']');
  return end == std::string_view::npos ? std::string_view() : trimmed(line.substr(1, end - 1));
}

bool is_section_of(ProfileFile::Kind kind, std::string_view section, std::string_view profile) {
  constexpr std::string_view prefix = "profile";
  if (kind == ProfileFile::Kind::config) {
    if (section.starts_with(prefix) && section.size() > prefix.size() &&
        blank.find(section[prefix.size()]) != blank.npos)
      return trimmed(section.substr(prefix.size())) == profile;
    return section == "default" && profile == section;
  }
  return section == profile;
}

// "~/x" of the environment's HOME. Nothing: there is none.
std::optional<std::string> in_home(std::string path, const Environment& environment) {
  if (!path.starts_with("~/")) return path;
  const std::optional<std::string> home = environment("HOME");
  if (!home) return std::nullopt;
  return *home + path.substr(1);
}

struct Place {
  std::string path;       // empty: nowhere
  bool optional = false;  // missing is like empty
  bool usual = false;     // nobody named it: unreadable is like missing
};

Place place(std::string_view option, const char* variable, const char* usual,
            const Environment& environment) {
  if (!option.empty()) return {std::string(option), false, false};
  const std::optional<std::string> named = environment(variable);
  return {in_home(named.value_or(usual), environment).value_or(""), true, !named};
}

// What one file brings to `shared`.
Result<ProfileFile> read_profiles(const Place& from, ProfileFile::Kind kind, SharedConfig& shared) {
  if (from.path.empty()) return ProfileFile();
  Result<io::SecretFile> file = io::read_secret_file(from.path, file_bytes_max);
  if (!file) {
    const ErrorCode code = file.error().code;
    if ((from.optional && code == ErrorCode::file_not_found) ||
        (from.usual && code == ErrorCode::permission_denied)) {
      shared.files.push_back({from.path, std::nullopt});
      return ProfileFile();
    }
    return std::unexpected(std::move(file).error());
  }
  shared.files.push_back({from.path, file->version});
  ProfileFile profiles(kind, std::move(file->text));
  // A configuration is for everybody to read, as long as it has no keys.
  if (file->others_may_read && profiles.value(shared.profile, "aws_secret_access_key"))
    shared.exposed.push_back(from.path);
  return profiles;
}

}  // namespace

template <class Visit>
void ProfileFile::visit(std::string_view profile, Visit&& visit) const {
  std::string_view rest = text_.view();
  bool within = false;
  std::size_t indent = 0;  // of the last key: what stands deeper is nested below it
  bool keyed = false;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string_view content = trimmed(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') continue;
    const std::size_t depth = line.find_first_not_of(blank);
    if (content.front() == '[' && depth == 0) {
      within = is_section_of(kind_, section_name(content), profile);
      keyed = false;
      if (within) visit(std::string_view(), std::string_view());
      continue;
    }
    if (!within || (keyed && depth > indent)) continue;
    const std::size_t equals = content.find('=');
    keyed = true;
    indent = depth;
    if (equals == std::string_view::npos) continue;
    visit(trimmed(content.substr(0, equals)), without_comment(trimmed(content.substr(equals + 1))));
  }
}

bool ProfileFile::has_profile(std::string_view profile) const {
  bool found = false;
  visit(profile, [&](std::string_view, std::string_view) { found = true; });
  return found;
}

std::optional<std::string_view> ProfileFile::value(std::string_view profile,
                                                   std::string_view key) const {
  std::optional<std::string_view> found;
  visit(profile, [&](std::string_view name, std::string_view value) {
    if (name == key && !value.empty()) found = value;
  });
  return found;
}

bool WatchedFile::changed() const {
  const Result<io::FileVersion> now = io::file_version(path);
  return now ? version != *now : version.has_value();
}

bool SharedConfig::has_profile() const {
  return credentials.has_profile(profile) || config.has_profile(profile);
}

std::optional<std::string_view> SharedConfig::value(std::string_view key) const {
  if (auto found = credentials.value(profile, key)) return found;
  return config.value(profile, key);
}

std::string SharedConfig::origin() const {
  const bool first = credentials.has_profile(profile) || !config.has_profile(profile);
  return fmt::format("profile {} of {}", profile, first ? credentials_path : config_path);
}

Result<SharedConfig> read_shared_config(const S3Options& options, const Environment& environment) {
  SharedConfig shared;
  shared.profile = options.profile;
  if (shared.profile.empty()) shared.profile = environment("AWS_PROFILE").value_or("");
  shared.profile_chosen = !shared.profile.empty();
  if (!shared.profile_chosen) shared.profile = "default";

  const Place credentials = place(options.credentials_file, "AWS_SHARED_CREDENTIALS_FILE",
                                  "~/.aws/credentials", environment);
  const Place config = place({}, "AWS_CONFIG_FILE", "~/.aws/config", environment);
  shared.credentials_path = credentials.path;
  shared.config_path = config.path;
  RESTORED_TRY(shared.credentials,
               read_profiles(credentials, ProfileFile::Kind::credentials, shared));
  RESTORED_TRY(shared.config, read_profiles(config, ProfileFile::Kind::config, shared));
  return shared;
}

}  // namespace restored::store
