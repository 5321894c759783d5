#include "store/s3_trouble.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "store/http_date.h"
#include "store/s3_xml.h"

namespace restored::store {
namespace {

using std::chrono::seconds;

enum class Then : std::uint8_t { give_up, again, at_once };

struct Rule {
  std::string_view code;  // S3's, or empty
  unsigned status;        // or 0
  ErrorCode error;
  Then then;
  std::string_view hint;  // empty: the table's
};

constexpr std::string_view correct_clock =
    "Correct this host's clock (timedatectl, chronyc tracking), then try again.";
constexpr std::string_view correct_region =
    "Set s3.region (or AWS_REGION) to the region of the bucket.";
constexpr std::string_view give_permission =
    "Let the access key read, write, delete and list the repository's prefix; a read of an object "
    "that is missing is also refused where listing is.";
constexpr std::string_view correct_secret =
    "The secret does not belong to the access key, or the endpoint is behind something that "
    "changes requests: correct the credentials.";
constexpr std::string_view make_bucket = "Create the bucket, or correct the repository's URL.";
constexpr std::string_view raise_quota = "Raise the bucket's quota or remove backups.";
constexpr std::string_view later = "The store is busy or ill: look at it, then try again.";
constexpr std::string_view fewer =
    "The store asks for fewer requests: lower store.reads_max, or ask for more capacity.";

// The first that fits. By code first, since several share a status.
constexpr std::array rules = {
    Rule{"NoSuchKey", 0, ErrorCode::object_not_found, Then::give_up, ""},
    Rule{"NoSuchBucket", 0, ErrorCode::store_misconfigured, Then::give_up, make_bucket},
    Rule{"NoSuchUpload", 0, ErrorCode::object_store_unavailable, Then::give_up,
         "The upload was taken for one that nobody goes on with: start the backup again."},
    Rule{"RequestTimeTooSkewed", 0, ErrorCode::store_misconfigured, Then::give_up, correct_clock},
    Rule{"RequestExpired", 0, ErrorCode::store_misconfigured, Then::give_up, correct_clock},
    Rule{"SignatureDoesNotMatch", 0, ErrorCode::store_permission_denied, Then::give_up,
         correct_secret},
    Rule{"InvalidAccessKeyId", 0, ErrorCode::store_permission_denied, Then::give_up,
         "The store does not know the access key: correct the credentials or the endpoint."},
    Rule{"ExpiredToken", 0, ErrorCode::store_permission_denied, Then::at_once,
         "Renew the credentials."},
    Rule{"TokenRefreshRequired", 0, ErrorCode::store_permission_denied, Then::at_once,
         "Renew the credentials."},
    Rule{"InvalidToken", 0, ErrorCode::store_permission_denied, Then::at_once,
         "Renew the credentials."},
    Rule{"PermanentRedirect", 0, ErrorCode::store_misconfigured, Then::give_up, correct_region},
    Rule{"TemporaryRedirect", 0, ErrorCode::store_misconfigured, Then::give_up, correct_region},
    Rule{"AuthorizationHeaderMalformed", 0, ErrorCode::store_misconfigured, Then::give_up,
         correct_region},
    Rule{"PreconditionFailed", 0, ErrorCode::object_changed, Then::give_up, ""},
    Rule{"InvalidRange", 0, ErrorCode::corruption, Then::give_up, ""},
    Rule{"QuotaExceeded", 0, ErrorCode::no_space, Then::give_up, raise_quota},
    Rule{"InsufficientCapacity", 0, ErrorCode::no_space, Then::give_up, raise_quota},
    Rule{"EntityTooLarge", 0, ErrorCode::no_space, Then::give_up, raise_quota},
    // Damaged on the way.
    Rule{"BadDigest", 0, ErrorCode::object_store_unavailable, Then::again, later},
    Rule{"XAmzContentSHA256Mismatch", 0, ErrorCode::object_store_unavailable, Then::again, later},
    Rule{"IncompleteBody", 0, ErrorCode::object_store_unavailable, Then::again, later},
    Rule{"RequestTimeout", 0, ErrorCode::object_store_unavailable, Then::again, later},
    Rule{"OperationAborted", 0, ErrorCode::object_store_unavailable, Then::again, later},
    Rule{"InternalError", 0, ErrorCode::object_store_unavailable, Then::again, later},
    Rule{"SlowDown", 0, ErrorCode::object_store_unavailable, Then::again, fewer},
    Rule{"", 401, ErrorCode::store_permission_denied, Then::give_up, correct_secret},
    Rule{"", 403, ErrorCode::store_permission_denied, Then::give_up, give_permission},
    Rule{"", 404, ErrorCode::object_not_found, Then::give_up, ""},
    Rule{"", 408, ErrorCode::object_store_unavailable, Then::again, later},
    Rule{"", 412, ErrorCode::object_changed, Then::give_up, ""},
    Rule{"", 416, ErrorCode::corruption, Then::give_up, ""},
    Rule{"", 425, ErrorCode::object_store_unavailable, Then::again, later},
    Rule{"", 429, ErrorCode::object_store_unavailable, Then::again, fewer},
    Rule{"", 501, ErrorCode::store_misconfigured, Then::give_up,
         "The endpoint is not an S3 server, or one that lacks what the message names."},
    Rule{"", 503, ErrorCode::object_store_unavailable, Then::again, fewer},
    Rule{"", 507, ErrorCode::no_space, Then::give_up, raise_quota},
};

const Rule* rule_for(std::string_view code, unsigned status) {
  for (const Rule& rule : rules) {
    if (rule.code.empty() ? rule.status == status : rule.code == code) return &rule;
  }
  return nullptr;
}

Rule rule_of_status(unsigned status) {
  if (status >= 500) return {"", 0, ErrorCode::object_store_unavailable, Then::again, later};
  // A success that is none, such as the whole object for a range.
  if (status < 300) return {"", 0, ErrorCode::object_store_unavailable, Then::again, later};
  if (status < 400) {
    return {"", 0, ErrorCode::store_misconfigured, Then::give_up,
            "The server sends elsewhere, which restored does not follow: correct s3.endpoint or "
            "s3.region."};
  }
  return {"", 0, ErrorCode::store_misconfigured, Then::give_up, ""};
}

// A header that a foreign server wrote, fit for a line of our own.
std::string plain(std::string_view text) {
  constexpr std::size_t characters_max = 200;
  std::string safe(text.substr(0, characters_max));
  for (char& c : safe) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  return safe;
}

std::string described(const S3Asked& asked, const net::Response& response,
                      const std::optional<S3Fault>& fault) {
  std::string text = fmt::format("{}: {} from {}", asked.what, response.head.status, asked.server);
  if (fault && !fault->code.empty()) text += ": " + fault->code;
  if (fault && !fault->message.empty()) text += fmt::format(" ({})", fault->message);
  const std::string region = fault && !fault->region.empty()
                                 ? fault->region
                                 : plain(response.head.header("x-amz-bucket-region"));
  if (!region.empty() && region != asked.region) {
    text += fmt::format(", the bucket is in region {} and not {}", region, asked.region);
  }
  if (asked.head && response.head.status == 403) {
    text += " (an answer to HEAD cannot say more)";
  }
  if ((response.head.status == 401 || response.head.status == 403) &&
      !asked.credentials_origin.empty()) {
    text += ", with the credentials of " + asked.credentials_origin;
  }
  if (const auto request = response.head.header("x-amz-request-id"); !request.empty()) {
    text += ", request " + plain(request);
  }
  return text;
}

std::optional<std::chrono::milliseconds> retry_after(const net::ResponseHead& head) {
  const std::string_view text = head.header("retry-after");
  unsigned wait = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), wait);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return seconds(wait);
}

std::string skew(const S3Asked& asked, const net::ResponseHead& head) {
  const UnixMillis server = parse_http_date(head.header("date"));
  if (server == 0) return "";
  const auto ahead = (asked.now - server) / 1000;
  return fmt::format("; this host's clock is {} s {} the store's", std::abs(ahead),
                     ahead >= 0 ? "ahead of" : "behind");
}

}  // namespace

bool throttled(const net::Response& response) {
  return response.head.status == 503 || response.head.status == 429;
}

bool credentials_expired(const net::Response& response) {
  const auto fault = parse_fault(response.body);
  return fault && (fault->code == "ExpiredToken" || fault->code == "TokenRefreshRequired" ||
                   fault->code == "InvalidToken");
}

// Backblaze B2 was seen to answer 400 InvalidArgument, "Unsupported header 'x-amz-checksum-...'".
bool checksum_refused(const net::Response& response) {
  if (response.head.status != 400 && response.head.status != 501) return false;
  const auto fault = parse_fault(response.body);
  return fault && (fault->code == "InvalidArgument" || fault->code == "NotImplemented") &&
         fault->message.find("x-amz-checksum") != std::string::npos;
}

Trouble trouble_of(const S3Asked& asked, const net::Response& response) {
  const std::optional<S3Fault> fault = parse_fault(response.body);
  const Rule* found = rule_for(fault ? std::string_view(fault->code) : "", response.head.status);
  Rule rule = found != nullptr ? *found : rule_of_status(response.head.status);
  // A store says what it is that is not there. What does not may be a proxy that is being set up:
  // to believe it could cost an object that is there.
  const bool foreign = response.head.status == 404 && (!fault || fault->code.empty());
  if (foreign && !asked.head) {
    rule = {"", 404, ErrorCode::object_store_unavailable, Then::again,
            "Something between the agent and the store answers in its place: look there."};
  }
  Trouble trouble;
  trouble.error = {rule.error, described(asked, response, fault), std::string(rule.hint)};
  if (rule.hint == correct_clock) trouble.error.message += skew(asked, response.head);
  trouble.again = rule.then != Then::give_up;
  trouble.at_once = rule.then == Then::at_once;
  trouble.retry_after = retry_after(response.head);
  trouble.status = response.head.status;
  return trouble;
}

Trouble trouble_of(const S3Asked& asked, const net::Failure& failure) {
  using Kind = net::Failure::Kind;
  Trouble trouble;
  trouble.error.code = ErrorCode::object_store_unavailable;
  trouble.error.message = fmt::format("{}: {}", asked.what, failure.message);
  trouble.again = true;
  trouble.at_once = failure.stale_connection;
  switch (failure.kind) {
    case Kind::name_unknown:
      trouble.error.code = ErrorCode::store_misconfigured;
      trouble.error.hint = "Correct s3.endpoint, or the resolver of this host.";
      trouble.again = false;
      break;
    case Kind::tls_refused:
      trouble.error.code = ErrorCode::store_misconfigured;
      trouble.error.hint =
          "Give the CA that signed the store's certificate as s3.ca_file, and the endpoint by a "
          "name that stands in the certificate. If its port speaks no TLS, write http:// in "
          "s3.endpoint.";
      trouble.again = false;
      break;
    case Kind::cancelled:
      trouble.error.code = ErrorCode::cancelled;
      trouble.again = false;
      break;
    case Kind::name_unavailable:
    case Kind::connect_failed:
    case Kind::timed_out:
    case Kind::closed:
    case Kind::malformed:
      break;
    case Kind::too_long:
      trouble.too_long = true;
      break;
  }
  return trouble;
}

}  // namespace restored::store
