#include "store/s3_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "base/hex.h"
#include "restored/limits.h"
#include "store/xml_reader.h"

namespace restored::store {
namespace {

// Of a server's texts in our messages.
constexpr std::size_t shown_bytes_max = 300;

std::string shown(std::string_view text) {
  std::string made;
  for (const char c : text.substr(0, shown_bytes_max))
    made += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  // Not in the middle of a character of UTF-8.
  if (text.size() > shown_bytes_max) {
    while (!made.empty() && (static_cast<unsigned char>(made.back()) & 0xc0) == 0x80)
      made.pop_back();
    if (!made.empty() && static_cast<unsigned char>(made.back()) >= 0x80) made.pop_back();
  }
  return made;
}

std::string unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

std::unexpected<Error> wrong(std::string_view what, std::string_view reason) {
  return fail(ErrorCode::object_store_unavailable, fmt::format("{} {}", what, reason),
              "The server does not speak S3 as restored knows it: check the endpoint.");
}

// Of encoding-type=url: %20 and the like, and '+' for a space.
std::optional<std::string> url_decoded(std::string_view text) {
  std::string made;
  while (!text.empty()) {
    if (text.front() == '%') {
      const auto byte = text.size() < 3 ? std::nullopt : from_hex(text.substr(1, 2));
      if (!byte) return std::nullopt;
      made += *byte;
      text.remove_prefix(3);
      continue;
    }
    made += text.front() == '+' ? ' ' : text.front();
    text.remove_prefix(1);
  }
  return made;
}

// The first member that makes no sense, so that a decoder reads as a list of its members.
class Members {
 public:
  std::uint64_t count(std::string_view name, std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) note(name, text);
    return value;
  }
  UnixMillis time(std::string_view name, std::string_view text) {
    const std::optional<UnixMillis> value = from_iso8601(text);
    if (!value) note(name, text);
    return value.value_or(0);
  }
  bool flag(std::string_view name, std::string_view text) {
    if (text != "true" && text != "false") note(name, text);
    return text == "true";
  }
  void decode(std::string_view name, std::string& text) {
    if (auto decoded = url_decoded(text)) {
      text = std::move(*decoded);
    } else {
      note(name, text);
    }
  }
  void note(std::string_view name, std::string_view text) {
    if (wrong_.empty())
      wrong_ = fmt::format("has a {} that makes no sense: \"{}\"", name, shown(text));
  }
  const std::string& wrong() const { return wrong_; }

 private:
  std::string wrong_;
};

void note_fault(S3Fault& fault, std::string_view member, const std::string& text) {
  if (member == "code") fault.code = shown(text);
  if (member == "message") fault.message = shown(text);
  if (member == "region") fault.region = shown(text);
  if (member == "endpoint") fault.endpoint = shown(text);
  if (member == "requestid") fault.request_id = shown(text);
  if (member == "servertime") fault.server_time = from_iso8601(text);
}

}  // namespace

std::optional<S3Fault> parse_fault(std::string_view body) {
  S3Fault fault;
  bool root = false;
  XmlVisitor visitor;
  visitor.end = [&](std::string_view path, const std::string& text) {
    constexpr std::string_view within = "error/";
    if (path == "error") root = true;
    if (path.starts_with(within)) note_fault(fault, path.substr(within.size()), text);
  };
  if (!read_xml("the error", body, limits::store_error_bytes_max, visitor) || !root)
    return std::nullopt;
  return fault;
}

Result<ListPage> parse_list(std::string_view body) {
  constexpr std::string_view what = "the list of objects";
  ListPage page;
  Members members;
  bool root = false;
  bool encoded = false;
  bool told = false;
  XmlVisitor visitor;
  visitor.begin = [&](std::string_view path) {
    if (path == "listbucketresult/contents") page.objects.emplace_back();
  };
  visitor.end = [&](std::string_view path, const std::string& text) {
    if (path == "listbucketresult") root = true;
    if (path == "listbucketresult/encodingtype") encoded = text == "url";
    if (path == "listbucketresult/nextcontinuationtoken") page.continuation = text;
    if (path == "listbucketresult/istruncated") {
      page.truncated = members.flag("IsTruncated", text);
      told = true;
    }
    if (path == "listbucketresult/contents/key") page.objects.back().key = text;
    if (path == "listbucketresult/contents/etag") page.objects.back().etag = unquoted(text);
    if (path == "listbucketresult/contents/size")
      page.objects.back().size_bytes = members.count("Size", text);
    if (path == "listbucketresult/contents/lastmodified")
      page.objects.back().modified_unix_millis = members.time("LastModified", text);
  };
  RESTORED_TRY(read_xml(what, body, limits::store_list_bytes_max, visitor));
  if (!root || !told) return wrong(what, "is none: no ListBucketResult with IsTruncated");
  for (ListedObject& object : page.objects) {
    if (encoded) members.decode("Key", object.key);
    if (object.key.empty()) members.note("Key", object.key);
  }
  if (page.truncated && page.continuation.empty())
    members.note("NextContinuationToken", page.continuation);
  if (!members.wrong().empty()) return wrong(what, members.wrong());
  return page;
}

Result<std::string> parse_upload_id(std::string_view body) {
  constexpr std::string_view what = "the answer to CreateMultipartUpload";
  std::string id;
  XmlVisitor visitor;
  visitor.end = [&](std::string_view path, const std::string& text) {
    if (path == "initiatemultipartuploadresult/uploadid") id = text;
  };
  RESTORED_TRY(read_xml(what, body, limits::store_error_bytes_max, visitor));
  if (id.empty()) return wrong(what, "has no UploadId");
  return id;
}

Result<UploadsPage> parse_uploads(std::string_view body) {
  constexpr std::string_view what = "the list of uploads";
  UploadsPage page;
  Members members;
  bool root = false;
  bool encoded = false;
  bool told = false;
  XmlVisitor visitor;
  visitor.begin = [&](std::string_view path) {
    if (path == "listmultipartuploadsresult/upload") page.uploads.emplace_back();
  };
  visitor.end = [&](std::string_view path, const std::string& text) {
    if (path == "listmultipartuploadsresult") root = true;
    if (path == "listmultipartuploadsresult/encodingtype") encoded = text == "url";
    if (path == "listmultipartuploadsresult/nextkeymarker") page.key_marker = text;
    if (path == "listmultipartuploadsresult/nextuploadidmarker") page.upload_id_marker = text;
    if (path == "listmultipartuploadsresult/istruncated") {
      page.truncated = members.flag("IsTruncated", text);
      told = true;
    }
    if (path == "listmultipartuploadsresult/upload/key") page.uploads.back().key = text;
    if (path == "listmultipartuploadsresult/upload/uploadid") page.uploads.back().upload_id = text;
    if (path == "listmultipartuploadsresult/upload/initiated")
      page.uploads.back().initiated_unix_millis = members.time("Initiated", text);
  };
  RESTORED_TRY(read_xml(what, body, limits::store_list_bytes_max, visitor));
  if (!root || !told) return wrong(what, "is none: no ListMultipartUploadsResult with IsTruncated");
  if (encoded) members.decode("NextKeyMarker", page.key_marker);
  for (ListedUpload& upload : page.uploads) {
    if (encoded) members.decode("Key", upload.key);
    if (upload.key.empty()) members.note("Key", upload.key);
    if (upload.upload_id.empty()) members.note("UploadId", upload.upload_id);
  }
  if (page.truncated && page.key_marker.empty()) members.note("NextKeyMarker", page.key_marker);
  if (!members.wrong().empty()) return wrong(what, members.wrong());
  return page;
}

Result<CompletedUpload> parse_complete(std::string_view body) {
  constexpr std::string_view what = "the answer to CompleteMultipartUpload";
  CompletedUpload completed;
  bool root = false;
  XmlVisitor visitor;
  visitor.begin = [&](std::string_view path) {
    if (path == "error") completed.fault.emplace();
  };
  visitor.end = [&](std::string_view path, const std::string& text) {
    constexpr std::string_view within = "error/";
    if (path == "completemultipartuploadresult") root = true;
    if (path == "completemultipartuploadresult/etag") completed.etag = unquoted(text);
    if (path.starts_with(within)) note_fault(*completed.fault, path.substr(within.size()), text);
  };
  RESTORED_TRY(read_xml(what, body, limits::store_error_bytes_max, visitor));
  if (!root && !completed.fault) return wrong(what, "is neither a result nor an error");
  return completed;
}

std::string complete_body(const std::vector<UploadedPart>& parts) {
  std::string made = R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  for (const UploadedPart& part : parts) {
    made += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>", part.number);
    for (const char c : part.etag) {
      switch (c) {
        case '&':
          made += "&amp;";
          break;
        case '<':
          made += "&lt;";
          break;
        case '>':
          made += "&gt;";
          break;
        case '"':
          made += "&quot;";
          break;
        default:
          made += c;
      }
    }
    made += "</ETag>";
    if (!part.checksum.empty())
      made += fmt::format("<ChecksumSHA256>{}</ChecksumSHA256>", part.checksum);
    made += "</Part>";
  }
  made += "</CompleteMultipartUpload>";
  return made;
}

}  // namespace restored::store
