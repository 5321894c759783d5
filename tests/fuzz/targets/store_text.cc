// Short texts of the store: dates, percent-encoding, object keys, URLs and endpoints. What is
// accepted follows its rule, told once more here; and no message quotes a password of a URL.
#include <algorithm>
#include <ctime>
#include <string>

#include "base/clock.h"
#include "base/hex.h"
#include "choices.h"
#include "restored/limits.h"
#include "store/http_date.h"
#include "store/object_key.h"
#include "store/percent_encoding.h"
#include "store/s3_location.h"
#include "store/s3_signer.h"
#include "target.h"

namespace restored::fuzz {
namespace {

constexpr std::string_view secret = "S3cr3tOfAUrl";

void check_date(std::string_view text) {
  const UnixMillis time = store::parse_http_date(text);
  if (time == 0) return;
  const std::time_t seconds = static_cast<std::time_t>(time / 1000);
  std::tm parts{};
  require(::gmtime_r(&seconds, &parts) != nullptr, "a date is a time");
  // The day of the week is not ours to judge, and a date has a few ways to be written.
  char written[64];
  const std::size_t size =
      std::strftime(written, sizeof written, "Sun, %d %b %Y %H:%M:%S GMT", &parts);
  require(store::parse_http_date({written, size}) == time, "a date comes back");
  require(text.size() >= 20 && text.size() <= 60 && text.ends_with("GMT"), "a date is no more");
}

void check_time(std::string_view text) {
  const auto time = from_iso8601(text);
  if (!time) return;
  require(from_iso8601(iso8601(*time)) == time, "a time that is written again is the same");
}

void check_percent(std::string_view text) {
  const std::string path = store::encode_path(text);
  const std::string query = store::encode_query(text);
  require(store::percent_decoded(path, store::PlusIs::itself) == text, "a path comes back");
  require(store::percent_decoded(query, store::PlusIs::space) == text, "a query comes back");
  const auto decoded = store::percent_decoded(text, store::PlusIs::itself);
  if (decoded) {
    require(decoded->size() <= text.size(), "decoding adds nothing");
  } else {
    require(decoded.error().size() <= 3 && decoded.error().starts_with('%'),
            "what is wrong is an escape");
  }
  if (const auto bytes = from_hex(text)) require(to_hex(*bytes).size() == text.size(), "hex");
}

void check_keys(std::string_view text) {
  const Result<void> key = store::check_key(text);
  if (!key) return require_sound(key.error());
  require(text.size() <= limits::object_key_bytes_max && !text.empty(), "a key has its length");
  require(!text.starts_with('/') && !text.ends_with('/') && !text.starts_with('.') &&
              text.find("//") == text.npos && text.find("/.") == text.npos,
          "a key cannot leave its prefix");
  require(store::encode_path(text) == text, "a key needs no encoding");
  require(store::check_prefix(text).has_value(), "a key is a prefix");
}

void check_url(std::string_view text) {
  if (text.find(secret) != text.npos) return;  // then it is no secret
  const store::Environment none = [](const char*) { return std::nullopt; };
  S3Options options;
  const auto sound = [](const Error& error) {
    require_sound(error);
    require(error.message.find(secret) == std::string::npos, "no message quotes a password");
  };
  const std::size_t behind_scheme = std::min(text.find("//"), text.size());
  for (const bool with_secret : {false, true}) {
    std::string url(text);
    if (with_secret && behind_scheme < text.size())
      url.insert(behind_scheme + 2, "user:" + std::string(secret) + "@");
    const auto located = store::locate(url, options, none);
    if (!located) {
      sound(located.error());
    } else {
      require(located->prefix.empty() || located->prefix.ends_with('/'), "a prefix is a folder");
      const auto again = store::locate(located->url(), options, none);
      require(again && again->bucket == located->bucket && again->prefix == located->prefix,
              "a URL that is written again is the same");
    }
    const auto endpoint = store::parse_endpoint(url, "s3.endpoint");
    if (!endpoint) {
      sound(endpoint.error());
    } else {
      require(endpoint->port != 0 && !endpoint->host.empty(), "an endpoint can be connected to");
      require(endpoint->authority().find_first_of(" \r\n\t/") == std::string::npos,
              "an endpoint fits into a header");
    }
  }
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t kind = choices.byte();
  const std::string_view text = choices.rest();
  switch (kind % 5) {
    case 0:
      return check_date(text);
    case 1:
      return check_time(text);
    case 2:
      return check_percent(text);
    case 3:
      return check_keys(text);
    default:
      return check_url(text);
  }
}

const Registration registration({"store_text", 1536, run});

}  // namespace
}  // namespace restored::fuzz
