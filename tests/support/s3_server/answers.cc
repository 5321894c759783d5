#include "s3_server/answers.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

namespace restored::s3_server {
namespace {

std::string time_text(std::int64_t unix_millis, const char* format) {
  const std::time_t seconds = unix_millis / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, format, &parts));
}

// If-Match and If-None-Match, against the object that is there, if any.
bool holds(const Objects& objects, const HttpRequest& request,
           const std::optional<StoredObject>& object) {
  if (!objects.rules().knows_conditions) return true;
  const std::string_view match = request.header("If-Match");
  const std::string_view none = request.header("If-None-Match");
  if (!match.empty() && (!object || (match != "*" && match != object->etag))) return false;
  return none.empty() || !object || (none != "*" && none != object->etag);
}

HttpAnswer precondition_failed() {
  return error_answer(412, "PreconditionFailed", "At least one of the conditions did not hold");
}

HttpAnswer read_object(const Objects& objects, const HttpRequest& request,
                       const S3Request& parsed) {
  const std::optional<StoredObject> object = objects.find(parsed.bucket, parsed.key);
  if (!object) return error_answer(404, "NoSuchKey", "The specified key does not exist.");
  if (!holds(objects, request, object)) return precondition_failed();
  HttpAnswer found;
  found.headers = {{"ETag", object->etag},
                   {"Last-Modified", http_time(object->modified_unix_millis)},
                   {"Accept-Ranges", "bytes"},
                   {"Content-Type", "binary/octet-stream"}};
  found.content = object->bytes;
  found.length = object->bytes->size();
  const std::string_view wanted = request.header("Range");
  if (wanted.empty()) return found;
  const auto range = parse_range(wanted, object->bytes->size());
  if (!range) return error_answer(416, "InvalidRange", "The range is not satisfiable");
  found.status = 206;
  found.offset = range->begin;
  found.length = range->length;
  found.headers.emplace_back(
      "Content-Range", fmt::format("bytes {}-{}/{}", range->begin, range->begin + range->length - 1,
                                   object->bytes->size()));
  return found;
}

HttpAnswer put_object(Objects& objects, const HttpRequest& request, const S3Request& parsed) {
  if (!holds(objects, request, objects.find(parsed.bucket, parsed.key)))
    return precondition_failed();
  if (auto wrong = digest_error(request, objects.rules())) return *std::move(wrong);
  HttpAnswer done;
  done.headers.emplace_back("ETag", objects.put(parsed.bucket, parsed.key, request.body));
  return done;
}

HttpAnswer bucket_answer(Objects& objects, const HttpRequest& request, const S3Request& parsed) {
  if (request.method == "PUT") objects.make_bucket(parsed.bucket);
  if (!parsed.query.contains("location")) return {};
  return xml_answer("<LocationConstraint>us-east-1</LocationConstraint>");
}

}  // namespace

std::string iso_time(std::int64_t unix_millis) {
  return time_text(unix_millis, "%Y-%m-%dT%H:%M:%S") + fmt::format(".{:03}Z", unix_millis % 1000);
}

std::string http_time(std::int64_t unix_millis) {
  return time_text(unix_millis, "%a, %d %b %Y %H:%M:%S GMT");
}

HttpAnswer xml_answer(const std::string& inner) {
  HttpAnswer made;
  made.headers.emplace_back("Content-Type", "application/xml");
  made.set_body("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + inner);
  return made;
}

HttpAnswer error_answer(unsigned status, std::string_view code, std::string_view message) {
  HttpAnswer made = xml_answer(
      fmt::format("<Error><Code>{}</Code><Message>{}</Message><RequestId>0123456789ABCDEF"
                  "</RequestId></Error>",
                  code, xml_escaped(message)));
  made.status = status;
  return made;
}

std::optional<HttpAnswer> digest_error(const HttpRequest& request, const Rules& rules) {
  constexpr std::string_view differs = "What came is not what the header says.";
  const std::string_view md5_sum = request.header("Content-MD5");
  const std::string_view checksum = request.header(checksum_header);
  if (!checksum.empty() && !rules.knows_checksums)
    return error_answer(400, "InvalidArgument",
                        fmt::format("Unsupported header '{}' received", checksum_header));
  if (rules.object_lock && md5_sum.empty() && checksum.empty())
    return error_answer(400, "InvalidRequest", "Object Lock wants Content-MD5 or x-amz-checksum-");
  if (!md5_sum.empty() && md5_sum != base64(md5(request.body)))
    return error_answer(400, "BadDigest", differs);
  const std::string_view sha = request.header("x-amz-content-sha256");
  if (sha.size() == 64 && sha != sha256_hex(request.body))
    return error_answer(400, "XAmzContentSHA256Mismatch", differs);
  if (!checksum.empty() && checksum != base64(sha256(request.body)))
    return error_answer(400, "BadDigest", differs);
  return std::nullopt;
}

HttpAnswer answer(Objects& objects, const HttpRequest& request, const S3Request& parsed) {
  const bool makes_bucket = parsed.kind == Kind::bucket && request.method == "PUT";
  if (!makes_bucket && !objects.has_bucket(parsed.bucket))
    return error_answer(404, "NoSuchBucket", "The specified bucket does not exist");
  switch (parsed.kind) {
    case Kind::get:
    case Kind::head:
      return read_object(objects, request, parsed);
    case Kind::put:
      return put_object(objects, request, parsed);
    case Kind::remove: {
      objects.remove(parsed.bucket, parsed.key);
      HttpAnswer done;
      done.status = 204;
      return done;
    }
    case Kind::list:
      return list_objects(objects, parsed);
    case Kind::begin_upload:
      return begin_upload(objects, request, parsed);
    case Kind::put_part:
      return put_part(objects, request, parsed);
    case Kind::complete_upload:
      return complete_upload(objects, request, parsed);
    case Kind::abort_upload:
      return abort_upload(objects, parsed);
    case Kind::list_uploads:
      return list_uploads(objects, parsed);
    case Kind::bucket:
      return bucket_answer(objects, request, parsed);
    case Kind::other:
      break;
  }
  return error_answer(501, "NotImplemented", "This server does not know how");
}

}  // namespace restored::s3_server
