#include "control/idempotency.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <span>

#include "base/clock.h"
#include "base/hex.h"
#include "base/kill_point.h"
#include "base/secret_text.h"
#include "restored/limits.h"
#include "seal/box.h"
#include "seal/kdf.h"

namespace restored::control {
namespace {

namespace json = boost::json;

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

Result<void> check_key(std::string_view key) {
  const bool printable = std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; });
  if (printable && key.size() <= limits::idempotency_key_characters_max) return {};
  return fail(ErrorCode::invalid_request,
              fmt::format("Idempotency-Key must be 1 to {} visible ASCII characters",
                          limits::idempotency_key_characters_max));
}

seal::Key hashed(const seal::Hash& hash) {
  return seal::Key::copy(std::span<const std::byte, seal::Key::size>(hash));
}

std::string hex_hmac(const seal::Key& key, std::string_view message) {
  const seal::Hash hash = seal::hmac_sha256(key.bytes(), bytes(message));
  return to_hex(std::span<const std::byte>(hash));
}

std::string to_text(const Response& response) {
  json::array headers;
  for (const auto& [name, value] : response.headers) {
    headers.push_back(json::array{json::string(name), json::string(value)});
  }
  return json::serialize(json::object{{"status", response.status},
                                      {"contentType", response.content_type},
                                      {"headers", std::move(headers)},
                                      {"body", response.body}});
}

// REQUIRES: it is to_text()'s, which the seal makes sure of; it throws otherwise.
Response from_text(std::string_view text) {
  const json::value value = json::parse(text);
  Response response;
  response.status = value.at("status").to_number<int>();
  response.content_type = std::string(value.at("contentType").as_string());
  for (const json::value& header : value.at("headers").as_array()) {
    response.with(std::string(header.at(0).as_string()), std::string(header.at(1).as_string()));
  }
  response.body = std::string(value.at("body").as_string());
  return response;
}

}  // namespace

Result<KeyedRequest> KeyedRequest::begin(const Call& call, std::string_view secret,
                                         std::string_view hold, AuditEntry begun) {
  const Request& request = call.request;
  RESTORED_TRY(check_key(request.idempotency_key));
  seal::Key root = hashed(seal::hmac_sha256(bytes(secret), bytes(request.idempotency_key)));
  std::string name = hex_hmac(root.derive("restored request"), call.token.id.value);
  std::string content =
      fmt::format("{}\n{}\n{}\n{}", request.method, request.path, request.query, request.body);
  // Before the method, which has no '='. What else is preferred makes no other request.
  if (!hold.empty()) content.insert(0, fmt::format("Prefer: {}\n", hold));
  RESTORED_TRY(
      RequestRecords::Claimed claimed,
      call.engine().requests().claim(name, hex_hmac(root.derive("restored content"), content),
                                     system_clock().wall(), std::move(begun)));
  if (claimed.claim.held()) kill_point("control.request.after-claim");
  return KeyedRequest(std::move(root), std::move(name), std::move(claimed));
}

seal::Key KeyedRequest::derived(std::string_view purpose) const {
  return root_.derive(fmt::format("restored {} {}", purpose, claimed_.salt));
}

Intent KeyedRequest::intent() const {
  const seal::Key seed = derived("intent");
  const auto view = seed.bytes();
  return Intent{std::string(reinterpret_cast<const char*>(view.data()), view.size())};
}

std::string KeyedRequest::sealed(const Response& response) const {
  std::string text = to_text(response);
  const WipeAtEnd wiped(text);
  std::string into(text.size() + seal::overhead_bytes, '\0');
  seal::Box(derived("answer"))
      .seal(bytes(name_), bytes(text), std::as_writable_bytes(std::span(into)));
  return to_hex(into);
}

Result<std::optional<Response>> KeyedRequest::answer() const {
  if (!claimed_.answer) return std::nullopt;
  const std::optional<std::string> sealed = from_hex(*claimed_.answer);
  std::string text;
  const WipeAtEnd wiped(text);
  bool opened = sealed && sealed->size() >= seal::overhead_bytes;
  if (opened) {
    text.resize(sealed->size() - seal::overhead_bytes);
    opened = seal::Box(derived("answer"))
                 .open(bytes(name_), bytes(*sealed), std::as_writable_bytes(std::span(text)));
  }
  if (!opened) {
    return fail(ErrorCode::corruption, "the answer to this request was damaged on disk",
                "Send the request with a new Idempotency-Key if it was not carried out.");
  }
  Response response = from_text(text);
  response.with("Idempotency-Replayed", "true");
  return response;
}

bool is_final(const Response& response) {
  if (response.status >= 500 || response.status == 429) return false;
  return !response.error || !facts(*response.error).retry;
}

}  // namespace restored::control
