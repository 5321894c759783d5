#include "store/s3_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "base/utf8.h"
#include "restored/limits.h"
#include "store/percent_encoding.h"
#include "store/xml_reader.h"

namespace restored::store {
namespace {

// Of a server's texts in our messages.
constexpr std::size_t shown_bytes_max = 300;

std::string shown(std::string_view text) {
  return printable(text, shown_bytes_max);
}

std::unexpected<Error> wrong(std::string_view what, std::string_view reason) {
  return fail(ErrorCode::object_store_unavailable, fmt::format("{} {}", what, reason),
              "The server does not speak S3 as restored knows it: check the endpoint.");
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
    // As encoding-type=url has it.
    if (auto decoded = percent_decoded(text, PlusIs::space)) {
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
}

// What pages of both kinds tell of themselves, as members of their root.
class PageFrame {
 public:
  PageFrame(std::string_view root, Members& members) : root_(root), members_(members) {}

  void end(std::string_view path, const std::string& text) {
    if (!path.starts_with(root_)) return;
    const std::string_view member = path.substr(root_.size());
    if (member.empty()) ended_ = true;
    if (member == "/encodingtype") encoded_ = text == "url";
    if (member == "/istruncated") {
      truncated_ = members_.flag("IsTruncated", text);
      told_ = true;
    }
  }
  bool whole() const { return ended_ && told_; }
  bool truncated() const { return truncated_; }
  bool encoded() const { return encoded_; }

 private:
  const std::string_view root_;
  Members& members_;
  bool ended_ = false;
  bool encoded_ = false;
  bool told_ = false;
  bool truncated_ = false;
};

}  // namespace

std::string_view unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    etag = etag.substr(1, etag.size() - 2);
  return etag;
}

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
  PageFrame frame("listbucketresult", members);
  XmlVisitor visitor;
  visitor.begin = [&](std::string_view path) {
    if (path == "listbucketresult/contents") page.objects.emplace_back();
  };
  visitor.end = [&](std::string_view path, const std::string& text) {
    frame.end(path, text);
    if (path == "listbucketresult/nextcontinuationtoken") page.continuation = text;
    if (path == "listbucketresult/contents/key") page.objects.back().key = text;
    if (path == "listbucketresult/contents/size")
      page.objects.back().size_bytes = members.count("Size", text);
    if (path == "listbucketresult/contents/lastmodified")
      page.objects.back().modified_unix_millis = members.time("LastModified", text);
  };
  RESTORED_TRY(read_xml(what, body, limits::store_list_bytes_max, visitor));
  if (!frame.whole()) return wrong(what, "is none: no ListBucketResult with IsTruncated");
  page.truncated = frame.truncated();
  for (ListedObject& object : page.objects) {
    if (frame.encoded()) members.decode("Key", object.key);
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
  PageFrame frame("listmultipartuploadsresult", members);
  XmlVisitor visitor;
  visitor.begin = [&](std::string_view path) {
    if (path == "listmultipartuploadsresult/upload") page.uploads.emplace_back();
  };
  visitor.end = [&](std::string_view path, const std::string& text) {
    frame.end(path, text);
    if (path == "listmultipartuploadsresult/nextkeymarker") page.key_marker = text;
    if (path == "listmultipartuploadsresult/nextuploadidmarker") page.upload_id_marker = text;
    if (path == "listmultipartuploadsresult/upload/key") page.uploads.back().key = text;
    if (path == "listmultipartuploadsresult/upload/uploadid") page.uploads.back().upload_id = text;
    if (path == "listmultipartuploadsresult/upload/initiated")
      page.uploads.back().initiated_unix_millis = members.time("Initiated", text);
  };
  RESTORED_TRY(read_xml(what, body, limits::store_list_bytes_max, visitor));
  if (!frame.whole()) return wrong(what, "is none: no ListMultipartUploadsResult with IsTruncated");
  page.truncated = frame.truncated();
  if (frame.encoded()) members.decode("NextKeyMarker", page.key_marker);
  for (ListedUpload& upload : page.uploads) {
    if (frame.encoded()) members.decode("Key", upload.key);
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
