// What an S3 request asks for.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "s3_server/wire.h"

namespace restored::s3_server {

enum class Kind : std::uint8_t {
  get,
  head,
  put,
  remove,
  list,
  begin_upload,
  put_part,
  complete_upload,
  abort_upload,
  list_uploads,
  bucket,  // made, looked at, asked for its region
  other,
};
inline constexpr std::size_t kind_count = 12;
std::string_view name(Kind kind);

struct S3Request {
  Kind kind = Kind::other;
  std::string bucket;
  std::string key;
  std::map<std::string, std::string> query;  // decoded

  std::string parameter(const std::string& name) const;
};

// Path style, and virtual-host style below .localhost.
S3Request parse(const HttpRequest& request);

struct Range {
  std::size_t begin = 0;
  std::size_t length = 0;
};
// "bytes=a-b", "bytes=a-", "bytes=-n" of `size` bytes. Nothing: not satisfiable.
std::optional<Range> parse_range(std::string_view text, std::size_t size);

std::string percent_decoded(std::string_view text, bool plus_is_space);
std::string percent_encoded(std::string_view text);  // but for '/'
std::string xml_escaped(std::string_view text);

}  // namespace restored::s3_server
