#include "store/s3_location.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "base/ascii.h"
#include "base/utf8.h"
#include "restored/limits.h"
#include "store/s3_signer.h"
#include "store/shared_config.h"

namespace restored::store {
namespace {

constexpr std::string_view s3_scheme = "s3://";
constexpr std::string_view url_hint = "Give the repository as s3://bucket/prefix.";
constexpr std::string_view aws_domain = ".amazonaws.com";
// S3's own limit of a whole key, less the longest of ours below the prefix.
constexpr std::size_t prefix_bytes_max = 1024 - limits::object_key_bytes_max;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::unexpected<Error> wrong(std::string message, std::string_view hint) {
  return fail(ErrorCode::invalid_configuration, std::move(message), std::string(hint));
}

bool is_aws(std::string_view host) {
  if (host.ends_with(".cn")) host.remove_suffix(3);
  return host.ends_with(aws_domain);
}

// What every store takes as a bucket's name in a path. S3 itself, and names that become part of a
// host's name, are stricter.
Result<void> check_bucket(const std::string& bucket, bool strict) {
  const bool known = std::ranges::all_of(bucket, [strict](char c) {
    return is_lower(c) || is_digit(c) || c == '.' || c == '-' ||
           (!strict && (is_upper(c) || c == '_'));
  });
  const auto is_end = [](char c) { return is_lower(c) || is_upper(c) || is_digit(c); };
  const std::size_t length_max = strict ? 63 : 255;
  if (known && bucket.size() >= 3 && bucket.size() <= length_max && is_end(bucket.front()) &&
      is_end(bucket.back()) && bucket.find("..") == std::string::npos && !net::is_address(bucket))
    return {};
  return wrong(fmt::format("\"{}\" cannot be a bucket's name", printable(bucket, 255)),
               strict ? "A bucket has 3 to 63 characters of a-z, 0-9, '-' and '.', the first and "
                        "the last a letter or a digit."
                      : "A bucket has 3 to 255 characters of A-Z, a-z, 0-9, '-', '_' and '.', the "
                        "first and the last a letter or a digit.");
}

Result<std::string> checked_prefix(std::string_view text) {
  // All that needs no care in URLs, listings and shells of other tools.
  constexpr std::string_view others = "-_.!*'()=@,:~";
  constexpr std::string_view hint =
      "A prefix is made of A-Z a-z 0-9 - _ . ! * ' ( ) = @ , : ~ and single slashes, and is not "
      "percent-encoded.";
  while (text.ends_with('/')) text.remove_suffix(1);
  if (text.empty()) return std::string();
  if (text.size() >= prefix_bytes_max)
    return wrong(fmt::format("the repository's prefix has {} bytes, at most {} are possible",
                             text.size(), prefix_bytes_max - 1),
                 "Choose a shorter prefix.");
  std::string_view rest = text;
  for (;;) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    const bool known = std::ranges::all_of(segment, [&](char c) {
      return is_lower(c) || is_upper(c) || is_digit(c) || others.find(c) != others.npos;
    });
    if (!known || segment.empty() || segment == "." || segment == "..")
      return wrong("the repository's prefix has a part that no object can be stored under", hint);
    if (segment.size() == rest.size()) return std::string(text) + '/';
    rest.remove_prefix(segment.size() + 1);
  }
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view origin) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0)
    return wrong(fmt::format("the port of {} is not a number from 1 to 65535", origin),
                 "Give it as in https://s3.example.org:9000.");
  return port;
}

bool valid_host(const std::string& host, bool bracketed) {
  if (bracketed) return host.find(':') != std::string::npos && net::is_address(host);
  return !host.empty() && host.size() <= 253 && host.front() != '.' && host.front() != '-' &&
         std::ranges::all_of(host, [](char c) {
           return is_lower(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
         });
}

struct Named {
  std::string value;
  std::string origin;  // for messages
};

// The first of an option, variables of the environment and the profile that has a value.
class Lookup {
 public:
  Lookup(const Environment& environment, const SharedConfig& shared)
      : environment_(environment), shared_(shared) {}

  std::optional<Named> find(const std::string& option, const char* option_name,
                            std::initializer_list<const char*> variables,
                            std::string_view key) const {
    if (!option.empty()) return Named{option, option_name};
    for (const char* const variable : variables) {
      if (auto value = environment_(variable)) return Named{std::move(*value), variable};
    }
    if (const auto value = shared_.value(key))
      return Named{std::string(*value), fmt::format("{} in {}", key, shared_.origin())};
    return std::nullopt;
  }

 private:
  const Environment& environment_;
  const SharedConfig& shared_;
};

// "eu-west-1" of "s3.eu-west-1.amazonaws.com", "s3.dualstack.eu-west-1.amazonaws.com" and
// "s3-eu-west-1.amazonaws.com"; else "".
std::string region_in(std::string_view host) {
  if (!is_aws(host)) return {};
  host = host.substr(0, host.rfind(aws_domain));
  const std::size_t dot = host.rfind('.');
  std::string_view region = dot == std::string_view::npos ? host : host.substr(dot + 1);
  if (region.starts_with("s3-") && region != "s3-accelerate") region.remove_prefix(3);
  return std::ranges::count(region, '-') >= 2 ? std::string(region) : std::string();
}

Result<std::string> choose_region(const Lookup& lookup, const S3Options& options,
                                  const std::optional<net::Endpoint>& endpoint) {
  std::string usual = endpoint ? region_in(endpoint->host) : std::string();
  if (usual.empty()) usual = "us-east-1";
  const Named region =
      lookup.find(options.region, "s3.region", {"AWS_REGION", "AWS_DEFAULT_REGION"}, "region")
          .value_or(Named{std::move(usual), "the default"});
  const bool known = std::ranges::all_of(region.value, [](char c) {
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '-' || c == '_';
  });
  if (!known || region.value.size() > 64)
    return wrong(fmt::format("{} is not a region's name", region.origin),
                 "Give a name such as eu-central-1.");
  return region.value;
}

struct Name {
  std::string bucket;
  std::string prefix;
};

Result<Name> parse_url(std::string_view url) {
  if (!url.starts_with(s3_scheme)) return wrong("the repository's URL is not one of S3", url_hint);
  const std::string_view rest = url.substr(s3_scheme.size());
  // None of it is shown: what people put there are keys and tokens.
  const std::string_view first = rest.substr(0, rest.find('/'));
  if (first.find('@') != first.npos)
    return wrong("the repository's URL has user information, which restored does not take from it",
                 "Keep keys out of URLs: name a credentials file, or set AWS_ACCESS_KEY_ID and "
                 "AWS_SECRET_ACCESS_KEY.");
  if (rest.find('?') != rest.npos || rest.find('#') != rest.npos)
    return wrong("the repository's URL has a query or a fragment, which restored does not know",
                 "Give endpoint, region and keys in the configuration or the environment, and the "
                 "repository as s3://bucket/prefix.");
  if (first.find(':') != first.npos)
    return wrong("the repository's URL has a port where its bucket should be",
                 "Give the server as s3.endpoint or AWS_ENDPOINT_URL, and the repository as "
                 "s3://bucket/prefix.");
  if (first.empty()) return wrong("the repository's URL names no bucket", url_hint);
  Name name{.bucket = std::string(first), .prefix = {}};
  if (first.size() < rest.size()) {
    RESTORED_TRY(name.prefix, checked_prefix(rest.substr(first.size() + 1)));
  }
  return name;
}

}  // namespace

Result<net::Endpoint> parse_endpoint(std::string_view text, std::string_view origin) {
  constexpr std::string_view hint = "Give it as https://host or http://host:port, without a path.";
  net::Endpoint endpoint;
  if (text.starts_with("https://")) {
    endpoint.tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return wrong(fmt::format("{} begins with neither https:// nor http://", origin), hint);
  }
  if (text.find('@') != text.npos)
    return wrong(
        fmt::format("{} has user information, which restored does not take from it", origin), hint);
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.find_first_of("/?#") != text.npos)
    return wrong(
        fmt::format("{} has a path or a query, but S3 servers are asked at their root", origin),
        hint);
  const bool bracketed = text.starts_with('[');
  const std::size_t host_end = bracketed ? text.find(']') : text.find(':');
  const std::size_t begin = bracketed ? 1 : 0;
  if (bracketed && host_end == text.npos)
    return wrong(fmt::format("{} has a '[' without its ']'", origin), hint);
  endpoint.host =
      ascii_lower(text.substr(begin, host_end == text.npos ? host_end : host_end - begin));
  if (!valid_host(endpoint.host, bracketed))
    return wrong(fmt::format("the host of {} is neither a name nor an address", origin), hint);
  std::string_view rest = host_end == text.npos ? std::string_view() : text.substr(host_end);
  if (bracketed) rest.remove_prefix(1);
  endpoint.port = endpoint.tls ? 443 : 80;
  if (rest.empty()) return endpoint;
  if (rest.front() != ':')
    return wrong(fmt::format("{} has something between its host and its port", origin), hint);
  RESTORED_TRY(endpoint.port, parse_port(rest.substr(1), origin));
  return endpoint;
}

Result<S3Location> locate(std::string_view url, const S3Options& options,
                          const Environment& environment) {
  RESTORED_TRY(Name name, parse_url(url));
  RESTORED_TRY(const SharedConfig shared, read_shared_config(options, environment));
  const Lookup lookup(environment, shared);

  std::optional<net::Endpoint> given;
  if (const auto named = lookup.find(options.endpoint, "s3.endpoint",
                                     {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, "endpoint_url")) {
    RESTORED_TRY(given, parse_endpoint(named->value, named->origin));
  }
  S3Location location;
  RESTORED_TRY(location.region, choose_region(lookup, options, given));
  if (given) {
    location.endpoint = std::move(*given);
  } else {
    location.endpoint = {.tls = true,
                         .host = fmt::format("s3.{}{}{}", location.region, aws_domain,
                                             location.region.starts_with("cn-") ? ".cn" : ""),
                         .port = 443};
  }
  const bool aws = is_aws(location.endpoint.host);
  const bool dotted = name.bucket.find('.') != std::string::npos;
  location.virtual_host = options.addressing == Addressing::virtual_host ||
                          (options.addressing == Addressing::automatic && aws && !dotted);
  RESTORED_TRY(check_bucket(name.bucket, aws || location.virtual_host));
  if (location.virtual_host) {
    if (net::is_address(location.endpoint.host))
      return wrong("a bucket cannot be part of the host's name where the endpoint is an address",
                   "Give the endpoint's name, or set s3.addressing to path.");
    location.endpoint.host = name.bucket + '.' + location.endpoint.host;
  }
  if (auto ca = lookup.find(options.ca_file, "s3.ca_file", {"AWS_CA_BUNDLE"}, "ca_bundle"))
    location.ca_file = std::move(ca->value);
  location.bucket = std::move(name.bucket);
  location.prefix = std::move(name.prefix);
  return location;
}

std::string S3Location::url() const {
  std::string made = fmt::format("{}{}/{}", s3_scheme, bucket, prefix);
  made.pop_back();  // the prefix's slash, or the bucket's
  return made;
}

std::string S3Location::bucket_path() const {
  return virtual_host ? "/" : "/" + encode_path(bucket);
}

std::string S3Location::object_path(std::string_view key) const {
  return (virtual_host ? "/" : bucket_path() + "/") + encode_path(prefix) + encode_path(key);
}

}  // namespace restored::store
