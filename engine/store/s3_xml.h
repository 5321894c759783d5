// The XML that S3 servers answer with and the little that we send. Namespaces and the case of names
// do not matter. What is not XML, too large, too deep, or brings a document type or entities of its
// own is refused: an answer is no more to be trusted than any other byte.
// Pure, and safe to call from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "restored/error.h"
#include "restored/units.h"

namespace restored::store {

// Of an ETag: quotes are no part of it for those who leave them out in XML.
std::string_view unquoted(std::string_view etag);

// <Error>. Texts are cut to a length and have no control characters: fit for messages.
struct S3Fault {
  std::string code;  // "NoSuchKey"
  std::string message;
  std::string region;  // where the bucket is, if the server tells
};
// Nothing: it is something else, or nothing that can be read.
std::optional<S3Fault> parse_fault(std::string_view body);

struct ListedObject {
  std::string key;  // whole, with the repository's prefix
  std::uint64_t size_bytes = 0;
  UnixMillis modified_unix_millis = 0;
};
struct ListPage {
  std::vector<ListedObject> objects;
  bool truncated = false;
  std::string continuation;  // never empty when truncated
};
// ListObjectsV2; keys are decoded when the server says that it has encoded them.
// Errors of all parsers: object_store_unavailable.
Result<ListPage> parse_list(std::string_view body);

// CreateMultipartUpload. Never empty.
Result<std::string> parse_upload_id(std::string_view body);

struct ListedUpload {
  std::string key;
  std::string upload_id;
  UnixMillis initiated_unix_millis = 0;
};
struct UploadsPage {
  std::vector<ListedUpload> uploads;
  bool truncated = false;
  std::string key_marker;  // of the next page; never empty when truncated
  std::string upload_id_marker;
};
// ListMultipartUploads.
Result<UploadsPage> parse_uploads(std::string_view body);

// CompleteMultipartUpload fails with status 200, too.
struct CompletedUpload {
  std::optional<S3Fault> fault;
  std::string etag;  // without quotes; some servers send none
};
Result<CompletedUpload> parse_complete(std::string_view body);

struct UploadedPart {
  unsigned number = 0;        // from 1
  std::string etag;           // as the server gave it
  std::string checksum = {};  // SHA-256 in base64; empty: the upload declared none
};
std::string complete_body(const std::vector<UploadedPart>& parts);

}  // namespace restored::store
