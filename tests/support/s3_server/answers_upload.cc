// Multipart uploads.
#include <fmt/format.h>

#include <cstdlib>

#include "s3_server/answers.h"

namespace restored::s3_server {
namespace {

HttpAnswer no_such_upload() {
  return error_answer(404, "NoSuchUpload", "The specified upload does not exist.");
}

// The text between <element> and </element> from `at` on, which moves behind it; empty at the end.
std::string element(const std::string& xml, const std::string& name, std::size_t& at) {
  const std::string open = "<" + name + ">";
  const std::size_t begin = xml.find(open, at);
  if (begin == std::string::npos) return {};
  const std::size_t end = xml.find("</" + name + ">", begin);
  if (end == std::string::npos) return {};
  at = end;
  return xml.substr(begin + open.size(), end - begin - open.size());
}

// Without the quotation marks that clients write as entities.
std::string unquoted(std::string text) {
  for (std::size_t at = 0; (at = text.find("&quot;", at)) != std::string::npos;) text.erase(at, 6);
  return text;
}

}  // namespace

HttpAnswer begin_upload(Objects& objects, const HttpRequest& request, const S3Request& parsed) {
  constexpr std::string_view declaring = "x-amz-checksum-algorithm";
  const std::string algorithm(request.header(declaring));
  if (!algorithm.empty() && !objects.rules().knows_checksums)
    return error_answer(400, "InvalidArgument",
                        fmt::format("Unsupported header '{}' received", declaring));
  if (!algorithm.empty() && algorithm != "SHA256")
    return error_answer(501, "NotImplemented", "No such algorithm here");
  return xml_answer(fmt::format(
      "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<Bucket>{}</Bucket><Key>{}</Key><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
      parsed.bucket, xml_escaped(parsed.key),
      objects.begin_upload(parsed.bucket, parsed.key, algorithm)));
}

HttpAnswer put_part(Objects& objects, const HttpRequest& request, const S3Request& parsed) {
  if (auto wrong = digest_error(request, objects.rules())) return *std::move(wrong);
  const auto declared = objects.checksum_algorithm(parsed.parameter("uploadId"));
  // As AWS has it, in both directions.
  const bool comes = !request.header(checksum_header).empty();
  if (declared && declared->empty() == comes)
    return error_answer(400, "InvalidRequest",
                        fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, "
                                    "actual checksum Type: {}",
                                    comes ? "null" : "sha256", comes ? "sha256" : "null"));
  const int number = std::atoi(parsed.parameter("partNumber").c_str());
  if (number < 1 || number > 10'000)
    return error_answer(400, "InvalidArgument", "partNumber must be from 1 to 10000");
  const auto etag =
      objects.put_part(parsed.parameter("uploadId"), static_cast<unsigned>(number), request.body);
  if (!etag) return no_such_upload();
  HttpAnswer done;
  done.headers.emplace_back("ETag", *etag);
  return done;
}

HttpAnswer complete_upload(Objects& objects, const HttpRequest& request, const S3Request& parsed) {
  // It would be the sum of the parts' sums: that of the body, which says which parts there are, is
  // not.
  if (!request.header(checksum_header).empty())
    return error_answer(400, "BadDigest", "The sum is not the object's.");
  std::vector<NamedPart> parts;
  std::size_t at = 0;
  for (;;) {
    const std::string part = element(request.body, "Part", at);
    if (part.empty()) break;
    std::size_t number_at = 0;
    std::size_t etag_at = 0;
    std::size_t checksum_at = 0;
    const std::string number = element(part, "PartNumber", number_at);
    parts.push_back({.number = static_cast<unsigned>(std::atoi(number.c_str())),
                     .etag = unquoted(element(part, "ETag", etag_at)),
                     .checksum = element(part, "ChecksumSHA256", checksum_at)});
  }
  if (!request.header("If-None-Match").empty() && objects.find(parsed.bucket, parsed.key))
    return error_answer(412, "PreconditionFailed", "The object exists.");
  std::string etag;
  const std::string wrong = objects.complete_upload(parsed.parameter("uploadId"), parts, etag);
  if (wrong == "NoSuchUpload") return no_such_upload();
  if (!wrong.empty()) return error_answer(400, wrong, "The upload cannot be completed.");
  return xml_answer(fmt::format(
      "<CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<Bucket>{}</Bucket><Key>{}</Key><ETag>{}</ETag></CompleteMultipartUploadResult>",
      parsed.bucket, xml_escaped(parsed.key), xml_escaped(etag)));
}

HttpAnswer abort_upload(Objects& objects, const S3Request& parsed) {
  if (!objects.abort_upload(parsed.parameter("uploadId"))) return no_such_upload();
  HttpAnswer done;
  done.status = 204;
  return done;
}

HttpAnswer list_uploads(Objects& objects, const S3Request& parsed) {
  const std::string prefix = parsed.parameter("prefix");
  const std::string key_after = parsed.parameter("key-marker");
  const std::string id_after = parsed.parameter("upload-id-marker");
  const std::string most_text = parsed.parameter("max-uploads");
  const std::size_t most =
      most_text.empty() ? 1000 : static_cast<std::size_t>(std::atoi(most_text.c_str()));
  const bool encodes = parsed.parameter("encoding-type") == "url";
  std::string inner;
  std::string last_key;
  std::string last_id;
  std::size_t shown = 0;
  bool more = false;
  for (const Upload& upload : objects.uploads(parsed.bucket)) {
    if (!upload.key.starts_with(prefix) || upload.key < key_after) continue;
    if (upload.key == key_after && (id_after.empty() || upload.id <= id_after)) continue;
    if (shown == most) {
      more = true;
      break;
    }
    ++shown;
    last_key = upload.key;
    last_id = upload.id;
    inner += fmt::format(
        "<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>{}</Initiated></Upload>",
        encodes ? percent_encoded(upload.key) : xml_escaped(upload.key), upload.id,
        iso_time(upload.begun_unix_millis));
  }
  std::string markers;
  if (more)
    markers =
        fmt::format("<NextKeyMarker>{}</NextKeyMarker><NextUploadIdMarker>{}</NextUploadIdMarker>",
                    encodes ? percent_encoded(last_key) : xml_escaped(last_key), last_id);
  return xml_answer(fmt::format(
      "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<Bucket>{}</Bucket><IsTruncated>{}</IsTruncated>{}{}</ListMultipartUploadsResult>",
      parsed.bucket, more, markers, inner));
}

}  // namespace restored::s3_server
