#include "store/s3_signer.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/ascii.h"
#include "base/check.h"
#include "base/hex.h"

namespace restored::store {
namespace {

using namespace std::string_view_literals;

// What sign() adds, and replaces when a request is signed again.
constexpr std::array signed_here = {"x-amz-date"sv, "x-amz-content-sha256"sv,
                                    "x-amz-security-token"sv, "authorization"sv};
// What a proxy on the way may change: a signature over it would break.
constexpr std::array left_unsigned = {
    "accept"sv,       "accept-encoding"sv,   "connection"sv, "content-length"sv, "expect"sv,
    "te"sv,           "transfer-encoding"sv, "upgrade"sv,    "user-agent"sv,     "via"sv,
    "authorization"sv};

bool is_signed(std::string_view name) {
  return !name.starts_with("x-forwarded-") &&
         std::ranges::find(left_unsigned, name) == left_unsigned.end();
}

// Outer space cut, inner runs of it made one.
std::string trimmed(std::string_view value) {
  std::string made;
  made.reserve(value.size());  // a token's copy must not stay behind in memory it grew out of
  bool gap = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t') {
      gap = !made.empty();
      continue;
    }
    if (gap) made += ' ';
    gap = false;
    made += c;
  }
  return made;
}

std::string encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string made;
  made.reserve(text.size());
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '_' || c == '.' || c == '~' || (keep_slash && c == '/')) {
      made += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    made += '%';
    made += digits[byte >> 4];
    made += digits[byte & 0xf];
  }
  return made;
}

// An intermediate key: as good as the secret for a day.
struct Key {
  std::array<unsigned char, 32> bytes{};
  Key() = default;
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() { ::explicit_bzero(bytes.data(), bytes.size()); }
};

void hmac(std::span<const unsigned char> key, std::string_view text, Key& into) {
  unsigned length = 0;
  const unsigned char* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                   reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                                   into.bytes.data(), &length);
  RESTORED_CHECK(made != nullptr && length == into.bytes.size(), "HMAC-SHA-256 is always there");
}

std::string signature(const SecretText& secret, std::string_view day, const SigningScope& scope,
                      std::string_view text) {
  const SecretText first = SecretText::joined({"AWS4", secret.view()});
  Key day_key;
  Key region_key;
  Key service_key;
  Key signing_key;
  Key made;
  hmac({reinterpret_cast<const unsigned char*>(first.view().data()), first.view().size()}, day,
       day_key);
  hmac(day_key.bytes, scope.region, region_key);
  hmac(region_key.bytes, scope.service, service_key);
  hmac(service_key.bytes, "aws4_request", signing_key);
  hmac(signing_key.bytes, text, made);
  return to_hex(std::as_bytes(std::span(made.bytes)));
}

}  // namespace

Sha256 sha256(std::span<const std::byte> bytes) {
  Sha256 digest;
  unsigned length = 0;
  const int made =
      EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.bytes.data()),
                 &length, EVP_sha256(), nullptr);
  RESTORED_CHECK(made == 1 && length == digest.bytes.size(), "SHA-256 is always there");
  return digest;
}

std::string Sha256::hex() const {
  return to_hex(bytes);
}

std::string Sha256::base64() const {
  std::array<unsigned char, 4 * ((std::tuple_size_v<decltype(bytes)> + 2) / 3) + 1> text{};
  const int length =
      EVP_EncodeBlock(text.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  return sha256(bytes).hex();
}

std::string encode_path(std::string_view path) {
  return encode(path, true);
}

std::string encode_query(std::string_view text) {
  return encode(text, false);
}

std::string canonical_query(std::vector<std::pair<std::string, std::string>> parameters) {
  // Sorted as encoded: the order of bytes differs before.
  for (auto& [name, value] : parameters) {
    name = encode_query(name);
    value = encode_query(value);
  }
  std::ranges::sort(parameters);
  std::string made;
  for (const auto& [name, value] : parameters) {
    if (!made.empty()) made += '&';
    made += name;
    made += '=';
    made += value;
  }
  return made;
}

CanonicalRequest canonical_request(const net::Request& request,
                                   std::string_view payload_sha256_hex) {
  // By name; several of one name stay in their order, joined by commas.
  std::vector<net::Header> headers;
  for (const auto& [name, value] : request.headers) {
    std::string known = ascii_lower(name);
    if (!is_signed(known)) continue;
    const auto behind = std::ranges::upper_bound(headers, known, {}, &net::Header::first);
    headers.emplace(behind, std::move(known), trimmed(value));
  }
  RESTORED_CHECK(std::ranges::find(headers, "host"sv, &net::Header::first) != headers.end(),
                 "a request is signed with its Host header");

  const std::string_view target = request.target;
  const std::size_t mark = target.find('?');
  CanonicalRequest made;
  std::size_t bytes = request.method.size() + target.size() + payload_sha256_hex.size() + 8;
  for (const auto& [name, value] : headers) bytes += 2 * name.size() + value.size() + 3;
  made.text.reserve(bytes);  // as above
  fmt::format_to(std::back_inserter(made.text), "{}\n{}\n{}\n", request.method,
                 target.substr(0, mark),
                 mark == std::string_view::npos ? ""sv : target.substr(mark + 1));
  std::string_view previous;
  for (auto& [name, value] : headers) {
    if (name == previous) {
      made.text.back() = ',';  // over the line's end
      made.text += value;
    } else {
      made.text += name;
      made.text += ':';
      made.text += value;
      if (!made.signed_headers.empty()) made.signed_headers += ';';
      made.signed_headers += name;
    }
    made.text += '\n';
    previous = name;
    if (name == "x-amz-security-token") wipe(value);
  }
  made.text += '\n';
  made.text += made.signed_headers;
  made.text += '\n';
  made.text += payload_sha256_hex;
  return made;
}

std::string authorization(const CanonicalRequest& request, const SigningScope& scope,
                          const Credentials& credentials, std::string_view date_time) {
  const std::string_view day = date_time.substr(0, 8);
  const std::string where = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const std::string to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date_time, where,
                                          sha256_hex(std::as_bytes(std::span(request.text))));
  return fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                     credentials.access_key_id, where, request.signed_headers,
                     signature(credentials.secret_access_key, day, scope, to_sign));
}

std::string signing_time(UnixMillis now) {
  using namespace std::chrono;
  const sys_time<milliseconds> instant{milliseconds(now)};
  const auto day = floor<days>(instant);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(instant - day));
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

void sign(net::Request& request, const SigningScope& scope, const Credentials& credentials,
          UnixMillis now, std::string_view payload_sha256_hex) {
  wipe_credentials(request);
  std::erase_if(request.headers, [](const net::Header& header) {
    return std::ranges::any_of(
        signed_here, [&](std::string_view name) { return ascii_same(header.first, name); });
  });
  const std::string date_time = signing_time(now);
  request.headers.emplace_back("x-amz-date", date_time);
  request.headers.emplace_back("x-amz-content-sha256", payload_sha256_hex);
  if (!credentials.session_token.empty())
    request.headers.emplace_back("x-amz-security-token", credentials.session_token.view());
  CanonicalRequest canonical = canonical_request(request, payload_sha256_hex);
  const WipeAtEnd wiped(canonical.text);
  request.headers.emplace_back("Authorization",
                               authorization(canonical, scope, credentials, date_time));
}

void wipe_credentials(net::Request& request) noexcept {
  for (auto& [name, value] : request.headers) {
    if (ascii_same(name, "x-amz-security-token")) wipe(value);
  }
}

}  // namespace restored::store
