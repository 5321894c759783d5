// ListObjectsV2.
#include <fmt/format.h>

#include <cstdlib>

#include "s3_server/answers.h"

namespace restored::s3_server {
namespace {

// A token is the last key, made unlike it: clients must not look into it.
std::string token_of(const std::string& key) {
  return base64(key);
}

std::string key_of(Objects& objects, const std::string& bucket, const std::string& prefix,
                   const std::string& token) {
  for (const auto& [key, object] : objects.list(bucket, prefix, {}, SIZE_MAX))
    if (token_of(key) == token) return key;
  return {};
}

}  // namespace

HttpAnswer list_objects(Objects& objects, const S3Request& parsed) {
  if (parsed.parameter("list-type") != "2")
    return error_answer(501, "NotImplemented", "Only list-type=2");
  const std::string prefix = parsed.parameter("prefix");
  const std::string token = parsed.parameter("continuation-token");
  std::string after = parsed.parameter("start-after");
  if (!token.empty()) {
    after = key_of(objects, parsed.bucket, prefix, token);
    if (after.empty()) return error_answer(400, "InvalidArgument", "The token is not known");
  }
  const std::string most_text = parsed.parameter("max-keys");
  std::size_t most =
      most_text.empty() ? 1000 : static_cast<std::size_t>(std::atoi(most_text.c_str()));
  if (most > 1000) most = 1000;
  auto found = objects.list(parsed.bucket, prefix, after, most + 1);
  const bool more = found.size() > most;
  if (more) found.pop_back();
  const bool encodes = parsed.parameter("encoding-type") == "url";
  std::string inner;
  for (const auto& [key, object] : found)
    inner += fmt::format(
        "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>",
        encodes ? percent_encoded(key) : xml_escaped(key), iso_time(object.modified_unix_millis),
        xml_escaped(object.etag), object.bytes->size());
  std::string next;
  if (more && !found.empty())
    next = fmt::format("<NextContinuationToken>{}</NextContinuationToken>",
                       token_of(found.back().first));
  return xml_answer(fmt::format(
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name>"
      "<Prefix>{}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{}</MaxKeys>{}"
      "<IsTruncated>{}</IsTruncated>{}{}</ListBucketResult>",
      parsed.bucket, encodes ? percent_encoded(prefix) : xml_escaped(prefix), found.size(), most,
      encodes ? "<EncodingType>url</EncodingType>" : "", more, next, inner));
}

}  // namespace restored::s3_server
