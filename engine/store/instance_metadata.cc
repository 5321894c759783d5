#include "store/instance_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <chrono>
#include <utility>

#include "store/credential_places.h"
#include "store/s3_location.h"
#include "store/s3_signer.h"

namespace restored::store {
namespace {

namespace json = boost::json;

constexpr std::size_t answer_bytes_max = 16 * 1024;
static_assert(answer_bytes_max <= net::collected_at_once);
constexpr std::string_view token_header = "X-aws-ec2-metadata-token";
constexpr std::string_view roles_path = "/latest/meta-data/iam/security-credentials/";

net::Limits patience() {
  net::Limits limits;
  limits.connect = std::chrono::seconds(1);
  limits.stall = std::chrono::seconds(2);
  limits.deadline = std::chrono::seconds(4);
  return limits;
}

// The members of a flat JSON object, as events: a document would hold a second copy of the secret
// where nobody can wipe it.
struct Members {
  static constexpr std::size_t max_object_size = 64;
  static constexpr std::size_t max_array_size = 64;
  static constexpr std::size_t max_key_size = 64;
  static constexpr std::size_t max_string_size = 8 * 1024;

  Members() { text.reserve(max_string_size); }  // never grows: no copy stays behind
  ~Members() { wipe(text); }
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return ++depth != 0; }
  bool on_object_end(std::size_t, json::error_code&) { return depth-- != 0; }
  bool on_array_begin(json::error_code&) { return ++depth != 0; }
  bool on_array_end(std::size_t, json::error_code&) { return depth-- != 0; }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    key.append(part.data(), part.size());
    member = std::exchange(key, {});
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    text.append(part.data(), part.size());
    if (depth == 1) note();
    wipe(text);
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  void note() {
    if (member == "Code") success = text == "Success";
    if (member == "AccessKeyId") found.access_key_id = text;
    if (member == "SecretAccessKey") found.secret_access_key = SecretText::copy(text);
    if (member == "Token") found.session_token = SecretText::copy(text);
    if (member == "Expiration") found.expires_at = from_iso8601(text);
  }

  std::size_t depth = 0;
  std::string key;     // being read
  std::string member;  // the last one read
  std::string text;
  bool success = true;  // some services send no Code
  Credentials found;
};

std::unexpected<Error> unavailable(std::string message) {
  return fail(ErrorCode::object_store_unavailable, std::move(message),
              "The instance metadata service fails: look at the instance's state, or configure a "
              "key of your own.");
}

std::unexpected<Error> absent(std::string message) {
  return fail(ErrorCode::store_misconfigured, std::move(message));
}

std::unexpected<Error> cancelled() {
  return fail(ErrorCode::cancelled, "the wait for the instance metadata was cancelled");
}

// The first line, if it can be a role's name.
Result<std::string> role_of(std::string_view text) {
  const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
  const bool known = std::ranges::all_of(line, [](char c) { return c > ' ' && c < 0x7f; });
  if (line.empty() || !known) return unavailable("the instance metadata name no role");
  return std::string(line);
}

}  // namespace

Result<Credentials> parse_instance_credentials(std::string_view text) {
  json::basic_parser<Members> parser{json::parse_options()};
  json::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  const bool rest = !error && text.find_first_not_of(" \t\r\n", read) != text.npos;
  // The error's own text quotes nothing, but it says nothing to a reader either.
  if (error || rest || !parser.done()) return unavailable("the instance metadata are not JSON");
  Members& members = parser.handler();
  if (!members.success) return unavailable("the instance metadata have no credentials for now");
  Credentials found = std::move(members.found);
  found.origin = "the instance metadata";
  if (found.access_key_id.empty() || found.secret_access_key.empty() || !found.expires_at)
    return unavailable(
        "the instance metadata lack AccessKeyId, SecretAccessKey or an Expiration in UTC");
  RESTORED_TRY(check_credentials(found));
  return found;
}

Result<InstanceMetadata> InstanceMetadata::make(const Environment& environment) {
  constexpr const char* name = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
  const std::string text = environment(name).value_or("http://169.254.169.254");
  net::ClientOptions options;
  RESTORED_TRY(options.endpoint, parse_endpoint(text, name));
  options.idle = std::chrono::seconds(1);
  options.idle_connections_max = 1;
  RESTORED_TRY(auto http, net::HttpClient::make(std::move(options)));
  return InstanceMetadata(std::move(http));
}

std::expected<InstanceMetadata::Answer, net::Failure> InstanceMetadata::ask(
    std::string method, std::string path, net::Header header, const std::stop_token& stop) {
  net::Request request;
  request.method = std::move(method);
  request.target = std::move(path);
  request.headers.emplace_back("Host", http_->endpoint().authority());
  request.headers.push_back(std::move(header));
  Answer answer;
  net::Target target;
  target.collect_bytes_max = answer_bytes_max;
  target.choose = [&](const net::ResponseHead& head) -> std::optional<std::span<std::byte>> {
    const std::uint64_t bytes = head.content_length.value_or(0);
    if (head.status != 200 || bytes == 0 || bytes > answer_bytes_max) return std::nullopt;
    answer.body = SecretText::of_size(static_cast<std::size_t>(bytes));
    return std::as_writable_bytes(answer.body.bytes());
  };
  auto response = http_->send(request, target, patience(), stop);
  wipe(request.headers.back().second);
  if (!response) return std::unexpected(std::move(response).error());
  answer.status = response->head.status;
  if (answer.body.empty()) answer.body = SecretText::copy(response->body);
  wipe(response->body);
  return answer;
}

Result<SecretText> InstanceMetadata::get(std::string_view what, std::string path,
                                         std::string_view token, const std::stop_token& stop) {
  auto answer = ask("GET", std::move(path), {std::string(token_header), std::string(token)}, stop);
  if (!answer) {
    if (answer.error().kind == net::Failure::Kind::cancelled) return cancelled();
    return unavailable(fmt::format("the instance metadata's {}: {}", what, answer.error().message));
  }
  if (answer->status == 404) return absent("the instance metadata have no role: none is attached");
  if (answer->status != 200)
    return unavailable(
        fmt::format("the instance metadata answered status {} for the {}", answer->status, what));
  return std::move(answer->body);
}

Result<Credentials> InstanceMetadata::fetch(std::stop_token stop) {
  const std::string where = http_->endpoint().text();
  auto token =
      ask("PUT", "/latest/api/token", {std::string(token_header) + "-ttl-seconds", "300"}, stop);
  if (!token) {
    if (token.error().kind == net::Failure::Kind::cancelled) return cancelled();
    return absent(fmt::format("no instance metadata at {}: {}", where, token.error().message));
  }
  if (token->status == 429 || token->status >= 500)
    return unavailable(fmt::format("the instance metadata answered status {}", token->status));
  const std::string_view text = token->body.view();
  const bool known = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (token->status != 200 || text.empty() || !known)
    return absent(
        fmt::format("no instance metadata of version 2 at {}: it answered status {} when "
                    "asked for a token",
                    where, token->status));
  RESTORED_TRY(const SecretText roles, get("roles", std::string(roles_path), text, stop));
  RESTORED_TRY(const std::string role, role_of(roles.view()));
  RESTORED_TRY(const SecretText found,
               get("credentials", std::string(roles_path) + encode_path(role), text, stop));
  return parse_instance_credentials(found.view());
}

}  // namespace restored::store
