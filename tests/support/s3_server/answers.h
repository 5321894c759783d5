// The right answer to each request. Faults come later (sender.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "s3_server/objects.h"
#include "s3_server/request.h"
#include "s3_server/wire.h"

namespace restored::s3_server {

HttpAnswer answer(Objects& objects, const HttpRequest& request, const S3Request& parsed);

HttpAnswer error_answer(unsigned status, std::string_view code, std::string_view message);
HttpAnswer xml_answer(const std::string& inner);
std::string iso_time(std::int64_t unix_millis);   // 2026-01-01T00:00:00.000Z
std::string http_time(std::int64_t unix_millis);  // Thu, 01 Jan 2026 00:00:00 GMT
// What is wrong with the sums that come with an object or a part, if anything.
std::optional<HttpAnswer> digest_error(const HttpRequest& request, const Rules& rules);
inline constexpr std::string_view checksum_header = "x-amz-checksum-sha256";

// answers_upload.cc, listing.cc
HttpAnswer begin_upload(Objects& objects, const HttpRequest& request, const S3Request& parsed);
HttpAnswer put_part(Objects& objects, const HttpRequest& request, const S3Request& parsed);
HttpAnswer complete_upload(Objects& objects, const HttpRequest& request, const S3Request& parsed);
HttpAnswer abort_upload(Objects& objects, const S3Request& parsed);
HttpAnswer list_uploads(Objects& objects, const S3Request& parsed);
HttpAnswer list_objects(Objects& objects, const S3Request& parsed);

}  // namespace restored::s3_server
