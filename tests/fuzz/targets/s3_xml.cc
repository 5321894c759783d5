// What S3 servers, and what stands between them and us, answer with: lists, errors, uploads.
#include <string>

#include "choices.h"
#include "restored/limits.h"
#include "store/s3_trouble.h"
#include "store/s3_xml.h"
#include "target.h"

namespace restored::fuzz {
namespace {

void check_fault(const store::S3Fault& fault) {
  for (const std::string* text : {&fault.code, &fault.message, &fault.region}) {
    require(text->size() <= 300, "a server's text is cut to a length");
    if (!text->empty()) require_sound({ErrorCode::internal, *text, {}});
  }
}

template <class Value, class Check>
void check(const Result<Value>& read, Check check_value) {
  if (!read) {
    require(read.error().code == ErrorCode::object_store_unavailable,
            "an answer that makes no sense is the store's trouble");
    return require_sound(read.error());
  }
  check_value(*read);
}

void check_page(const store::ListPage& page) {
  require(!page.truncated || !page.continuation.empty(), "a page that is cut tells how to go on");
  for (const store::ListedObject& object : page.objects)
    require(!object.key.empty(), "an object has a key");
}

void check_uploads(const store::UploadsPage& page) {
  require(!page.truncated || !page.key_marker.empty(), "a page that is cut tells how to go on");
  for (const store::ListedUpload& upload : page.uploads)
    require(!upload.key.empty() && !upload.upload_id.empty(), "an upload has a key and an id");
}

// The whole way of a refused request to the message that a person reads.
void check_trouble(Choices& choices) {
  net::Response response;
  response.head.status = static_cast<unsigned>(200 + choices.below(400));
  for (const char* const name : {"retry-after", "date", "x-amz-bucket-region", "x-amz-request-id"})
    response.head.headers.emplace_back(name, choices.until('\n'));
  response.body = choices.rest();
  store::S3Asked asked{"GET objects/ab of s3://bucket/prefix",
                       "10.0.0.7:8000",
                       "us-east-1",
                       "the environment",
                       1'700'000'000'000,
                       response.head.status == 403};
  const store::Trouble trouble = store::trouble_of(asked, response);
  require_sound(trouble.error);
  require(!trouble.retry_after || trouble.retry_after->count() >= 0, "a wait is no time travel");
  (void)store::throttled(response);
  (void)store::credentials_expired(response);
  (void)store::checksum_refused(response);
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t kind = choices.byte();
  if (kind % 6 == 5) return check_trouble(choices);
  const std::string_view body = choices.rest();
  switch (kind % 6) {
    case 0:
      if (const auto fault = store::parse_fault(body)) check_fault(*fault);
      return;
    case 1:
      return check(store::parse_list(body), check_page);
    case 2:
      return check(store::parse_upload_id(body),
                   [](const std::string& id) { require(!id.empty(), "an upload has an id"); });
    case 3:
      return check(store::parse_uploads(body), check_uploads);
    default:
      return check(store::parse_complete(body), [](const store::CompletedUpload& completed) {
        if (completed.fault) check_fault(*completed.fault);
      });
  }
}

const Registration registration({"s3_xml", 8 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
