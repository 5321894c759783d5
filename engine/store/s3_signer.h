// AWS Signature Version 4 in the Authorization header, as S3 wants it: the path is encoded once
// and not normalised, and the hash of the payload is a header of its own.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
// Pure, and safe to call from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_client.h"
#include "restored/units.h"
#include "store/credentials.h"

namespace restored::store {

struct SigningScope {
  std::string region;
  std::string service = "s3";
};

// Of no bytes: what a GET, HEAD or DELETE is signed with.
inline constexpr std::string_view empty_payload_sha256_hex =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Sha256 {
  std::array<std::byte, 32> bytes{};
  std::string hex() const;     // x-amz-content-sha256
  std::string base64() const;  // x-amz-checksum-sha256
};
Sha256 sha256(std::span<const std::byte> bytes);
std::string sha256_hex(std::span<const std::byte> bytes);

// Adds x-amz-date, x-amz-content-sha256, x-amz-security-token (with a session token) and
// Authorization; those of an earlier attempt are replaced. All headers of the request are signed
// but for those that a proxy may change (Accept*, Connection, Content-Length, Expect, TE,
// Transfer-Encoding, Upgrade, User-Agent, Via, X-Forwarded-*).
// REQUIRES: a Host header; a target made by encode_path() and canonical_query().
void sign(net::Request& request, const SigningScope& scope, const Credentials& credentials,
          UnixMillis now, std::string_view payload_sha256_hex);
// Overwrites the session token that sign() has put into the request.
void wipe_credentials(net::Request& request) noexcept;

// Percent-encoding of all but A-Z a-z 0-9 - _ . ~; of a path, '/' stays.
std::string encode_path(std::string_view path);
std::string encode_query(std::string_view text);
// "a=1&b=": encoded and sorted, exactly what goes behind the target's '?'.
std::string canonical_query(std::vector<std::pair<std::string, std::string>> parameters);

// The steps of sign(), for its tests.
struct CanonicalRequest {
  std::string text;
  std::string signed_headers;  // "host;x-amz-date"
};
CanonicalRequest canonical_request(const net::Request& request,
                                   std::string_view payload_sha256_hex);
// `date_time`: "20130524T000000Z". Returns the Authorization header's value.
std::string authorization(const CanonicalRequest& request, const SigningScope& scope,
                          const Credentials& credentials, std::string_view date_time);
std::string signing_time(UnixMillis now);

}  // namespace restored::store
