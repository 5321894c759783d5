#include "store/credential_places.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace restored::store {
namespace {

constexpr std::size_t secret_bytes_max = 16 * 1024;

std::unexpected<Error> wrong(std::string message, std::string_view hint) {
  return fail(ErrorCode::store_misconfigured, std::move(message), std::string(hint));
}

std::unexpected<Error> half(std::string_view origin, std::string_view there,
                            std::string_view missing) {
  return wrong(fmt::format("{} has {} but not {}", origin, there, missing),
               fmt::format("Give both, or neither to look for a key elsewhere."));
}

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

// Step 1. Nothing: the configuration has no key.
Result<void> from_options(const S3Options& options, WrittenCredentials& into) {
  constexpr std::string_view key = "s3.access_key_id";
  constexpr std::string_view file = "s3.secret_access_key_file";
  if (options.access_key_id.empty() && options.secret_access_key_file.empty()) {
    into.looked_at.push_back("the configuration has no s3.access_key_id");
    return {};
  }
  if (options.secret_access_key_file.empty()) return half("the configuration", key, file);
  if (options.access_key_id.empty()) return half("the configuration", file, key);
  const std::string& path = options.secret_access_key_file;
  Result<io::SecretFile> read = io::read_named_secret_file(path, secret_bytes_max);
  if (!read) return std::unexpected(context(file, std::move(read).error()));
  constexpr std::string_view blank = " \t\r\n";
  std::string_view secret = read->text.view();
  secret.remove_prefix(std::min(secret.find_first_not_of(blank), secret.size()));
  secret = secret.substr(0, secret.find_last_not_of(blank) + 1);
  if (secret.empty()) return wrong(fmt::format("{} is empty", path), "Write the secret into it.");
  if (!is_word(secret))
    return wrong(
        fmt::format("{} holds more than a secret access key", path),
        "s3.secret_access_key_file holds the secret and nothing else; a file with profiles "
        "is s3.credentials_file.");
  if (read->others_may_read) into.exposed.push_back(path);
  into.watched.push_back({path, read->version});
  Credentials& found = into.credentials.emplace();
  found.access_key_id = options.access_key_id;
  found.secret_access_key = SecretText::copy(secret);
  found.origin = fmt::format("the configuration with {}", path);
  return {};
}

// Step 3.
Result<void> from_environment(const Environment& environment, WrittenCredentials& into) {
  constexpr const char* key_name = "AWS_ACCESS_KEY_ID";
  constexpr const char* secret_name = "AWS_SECRET_ACCESS_KEY";
  std::optional<std::string> key = environment(key_name);
  std::string secret = environment(secret_name).value_or("");
  const WipeAtEnd wiped_secret(secret);
  if (!key && secret.empty()) {
    into.looked_at.push_back("AWS_ACCESS_KEY_ID is not set");
    return {};
  }
  if (secret.empty()) return half("the environment", key_name, secret_name);
  if (!key) return half("the environment", secret_name, key_name);
  std::string token = environment("AWS_SESSION_TOKEN").value_or("");
  const WipeAtEnd wiped_token(token);
  Credentials& found = into.credentials.emplace();
  found.access_key_id = std::move(*key);
  found.secret_access_key = SecretText::copy(secret);
  found.session_token = SecretText::copy(token);
  found.origin = "the environment";
  return {};
}

// Ways to a key that other tools know and restored does not.
Result<void> check_supported(const SharedConfig& shared, bool has_key) {
  constexpr std::array ways = {"credential_process", "sso_session",
                               "sso_start_url",      "source_profile",
                               "credential_source",  "web_identity_token_file"};
  std::string_view unsupported;
  // With it the profile's own keys would only be those to assume the role with.
  if (shared.value("role_arn")) unsupported = "role_arn";
  for (const std::string_view way : ways) {
    if (unsupported.empty() && !has_key && shared.value(way)) unsupported = way;
  }
  if (unsupported.empty()) return {};
  return wrong(fmt::format("{} gets its key by {}, which restored does not support",
                           shared.origin(), unsupported),
               "Write the keys into a profile of its own (aws_access_key_id, "
               "aws_secret_access_key, aws_session_token; the file is read again when it changes), "
               "and name it in s3.profile or AWS_PROFILE; or use the instance's role.");
}

Result<void> from_file(const ProfileFile& file, const std::string& path, const SharedConfig& shared,
                       WrittenCredentials& into) {
  constexpr std::string_view key_name = "aws_access_key_id";
  constexpr std::string_view secret_name = "aws_secret_access_key";
  const auto key = file.value(shared.profile, key_name);
  const auto secret = file.value(shared.profile, secret_name);
  if (!key && !secret) return {};
  const std::string origin = fmt::format("profile {} of {}", shared.profile, path);
  if (!secret) return half(origin, key_name, secret_name);
  if (!key) return half(origin, secret_name, key_name);
  Credentials& found = into.credentials.emplace();
  found.access_key_id = *key;
  found.secret_access_key = SecretText::copy(*secret);
  found.session_token =
      SecretText::copy(file.value(shared.profile, "aws_session_token").value_or(""));
  found.origin = origin;
  return {};
}

// "/a/credentials and /a/config"
std::string names_of(const SharedConfig& shared) {
  std::string names;
  for (const WatchedFile& file : shared.files)
    names += fmt::format("{}{}{}", names.empty() ? "" : " and ", file.path,
                         file.version ? "" : " (missing or unreadable)");
  return names.empty() ? "no shared file, as HOME is not set" : names;
}

// Steps 2 and 4.
Result<void> from_shared(const S3Options& options, const Environment& environment,
                         WrittenCredentials& into) {
  const bool configured = !options.credentials_file.empty() || !options.profile.empty();
  RESTORED_TRY(const SharedConfig shared, read_shared_config(options, environment));
  into.watched.insert(into.watched.end(), shared.files.begin(), shared.files.end());
  if (!shared.has_profile() && (configured || shared.profile_chosen))
    return wrong(fmt::format("there is no profile {} in {}", shared.profile, names_of(shared)),
                 "Correct s3.profile, s3.credentials_file or AWS_PROFILE, or write the profile.");
  RESTORED_TRY(from_file(shared.credentials, shared.credentials_path, shared, into));
  if (!into.credentials) {
    RESTORED_TRY(from_file(shared.config, shared.config_path, shared, into));
  }
  RESTORED_TRY(check_supported(shared, into.credentials.has_value()));
  if (into.credentials) {
    into.exposed.insert(into.exposed.end(), shared.exposed.begin(), shared.exposed.end());
    return {};
  }
  if (configured)
    return wrong(fmt::format("{} has no aws_access_key_id", shared.origin()),
                 "Write aws_access_key_id and aws_secret_access_key into it.");
  into.looked_at.push_back(
      fmt::format("there is no key of profile {} in {}", shared.profile, names_of(shared)));
  return {};
}

}  // namespace

Result<void> check_credentials(const Credentials& credentials) {
  const std::string_view key = credentials.access_key_id;
  std::string_view bad;
  if (!is_word(key) || key.empty() || key.find(',') != key.npos) bad = "access key id";
  if (!is_word(credentials.secret_access_key.view())) bad = "secret access key";
  if (!is_word(credentials.session_token.view())) bad = "session token";
  if (bad.empty()) return {};
  return wrong(
      fmt::format("the {} of {} has characters that none can have", bad, credentials.origin),
      "Copy it again: spaces, line ends and letters that are not ASCII do not belong to it.");
}

Result<WrittenCredentials> look_around(const S3Options& options, const Environment& environment) {
  WrittenCredentials found;
  RESTORED_TRY(from_options(options, found));
  const bool chosen = !options.credentials_file.empty() || !options.profile.empty();
  if (!found.credentials && !chosen) {
    RESTORED_TRY(from_environment(environment, found));
  }
  if (!found.credentials) {
    RESTORED_TRY(from_shared(options, environment, found));
  }
  if (found.credentials) {
    RESTORED_TRY(check_credentials(*found.credentials));
    return found;
  }
  for (const char* const name :
       {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI"}) {
    if (environment(name))
      found.looked_at.push_back(fmt::format("{} is set, but restored does not support it", name));
  }
  return found;
}

}  // namespace restored::store
