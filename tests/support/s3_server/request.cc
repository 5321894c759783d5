#include "s3_server/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace restored::s3_server {
namespace {

constexpr std::array<std::string_view, kind_count> kind_names = {
    "GET",      "HEAD",     "PUT",   "DELETE",       "LIST",   "BEGIN",
    "PUT_PART", "COMPLETE", "ABORT", "LIST_UPLOADS", "BUCKET", "OTHER"};

std::map<std::string, std::string> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = one.find('=');
    const bool bare = equals == std::string_view::npos;
    query[percent_decoded(one.substr(0, equals), true)] =
        bare ? std::string() : percent_decoded(one.substr(equals + 1), true);
  }
  return query;
}

Kind kind_of(const HttpRequest& request, const S3Request& parsed) {
  const std::string& method = request.method;
  const auto asks = [&](const char* what) { return parsed.query.contains(what); };
  if (parsed.key.empty()) {
    if (method == "GET" && asks("uploads")) return Kind::list_uploads;
    if (method == "GET" && !asks("location")) return Kind::list;
    return method == "PUT" || method == "HEAD" || method == "GET" ? Kind::bucket : Kind::other;
  }
  if (method == "POST")
    return asks("uploads") ? Kind::begin_upload
                           : (asks("uploadId") ? Kind::complete_upload : Kind::other);
  if (method == "GET") return Kind::get;
  if (method == "HEAD") return Kind::head;
  if (method == "PUT") return asks("partNumber") ? Kind::put_part : Kind::put;
  if (method == "DELETE") return asks("uploadId") ? Kind::abort_upload : Kind::remove;
  return Kind::other;
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string_view name(Kind kind) {
  return kind_names.at(static_cast<std::size_t>(kind));
}

std::string S3Request::parameter(const std::string& wanted) const {
  const auto found = query.find(wanted);
  return found == query.end() ? std::string() : found->second;
}

S3Request parse(const HttpRequest& request) {
  S3Request parsed;
  const std::string_view target = request.target;
  const std::size_t question = target.find('?');
  if (question != std::string_view::npos) parsed.query = parse_query(target.substr(question + 1));
  std::string path = percent_decoded(target.substr(0, question), false);
  if (path.starts_with('/')) path.erase(0, 1);
  std::string_view host = request.header("Host");
  host = host.substr(0, host.rfind(':'));
  constexpr std::string_view virtual_host = ".localhost";
  if (host.ends_with(virtual_host)) {
    parsed.bucket = host.substr(0, host.size() - virtual_host.size());
    parsed.key = path;
  } else {
    const std::size_t slash = path.find('/');
    parsed.bucket = path.substr(0, slash);
    if (slash != std::string::npos) parsed.key = path.substr(slash + 1);
  }
  parsed.kind = kind_of(request, parsed);
  return parsed;
}

std::optional<Range> parse_range(std::string_view text, std::size_t size) {
  constexpr std::string_view unit = "bytes=";
  const std::size_t dash = text.find('-');
  if (!text.starts_with(unit) || dash == std::string_view::npos || size == 0) return std::nullopt;
  const auto first = number(text.substr(unit.size(), dash - unit.size()));
  const auto last = number(text.substr(dash + 1));
  if (!first && !last) return std::nullopt;
  if (!first) {
    const std::size_t length = std::min(*last, size);
    return Range{size - length, length};
  }
  if (*first >= size || (last && *last < *first)) return std::nullopt;
  return Range{*first, std::min(last.value_or(size - 1), size - 1) - *first + 1};
}

std::string percent_decoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned byte = 0;
    if (text[at] == '%' && at + 2 < text.size() &&
        std::from_chars(text.data() + at + 1, text.data() + at + 3, byte, 16).ptr ==
            text.data() + at + 3) {
      decoded += static_cast<char>(byte);
      at += 2;
    } else {
      decoded += plus_is_space && text[at] == '+' ? ' ' : text[at];
    }
  }
  return decoded;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    if (std::isalnum(value) != 0 || std::string_view("-._~/").find(byte) != std::string_view::npos)
      encoded += byte;
    else
      encoded += fmt::format("%{:02X}", value);
  }
  return encoded;
}

std::string xml_escaped(std::string_view text) {
  std::string escaped;
  for (const char byte : text) {
    if (byte == '&')
      escaped += "&amp;";
    else if (byte == '<')
      escaped += "&lt;";
    else if (byte == '>')
      escaped += "&gt;";
    else if (byte == '"')
      escaped += "&quot;";
    else
      escaped += byte;
  }
  return escaped;
}

}  // namespace restored::s3_server
