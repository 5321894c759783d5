#include "store/s3_read.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/object_versions.h"

namespace restored::store {
namespace {

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t object_bytes = 0;
};

// "bytes 0-99/1000"
std::optional<ContentRange> content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  const char* at = text.data() + unit.size();
  const char* const end = text.data() + text.size();
  ContentRange range;
  const auto number = [&](std::uint64_t& value, char after) {
    const auto [next, status] = std::from_chars(at, end, value);
    if (status != std::errc{}) return false;
    at = next;
    if (after == '\0') return at == end;
    return at != end && *at++ == after;
  };
  if (!number(range.first, '-') || !number(range.last, '/') || !number(range.object_bytes, '\0'))
    return std::nullopt;
  if (range.last < range.first || range.last >= range.object_bytes) return std::nullopt;
  return range;
}

}  // namespace

S3Read::S3Read(S3Client& client, const RetryPolicy& policy, const StoreCall& call,
               std::function<void(std::size_t)> arrived)
    : client_(client), policy_(policy), call_(call), arrived_(std::move(arrived)) {}

Result<void> S3Read::range(const std::string& key, std::uint64_t offset,
                           std::span<std::byte> into) {
  Want want;
  want.key = key;
  want.offset = offset;
  want.into = into;
  if (call_.versions != nullptr) version_ = call_.versions->expected(key);
  RetryLoop loop(policy_, call_, client_.where());
  RESTORED_TRY(loop.run([&] { return attempt(want, loop); }));
  if (call_.versions == nullptr || version_.empty() || call_.versions->note(key, version_))
    return {};
  return fail(ErrorCode::object_changed, fmt::format("object {} of {} changed while it was read",
                                                     key, client_.location().url()));
}

Result<std::string> S3Read::whole(const std::string& key, std::uint64_t bytes_max) {
  Want want;
  want.key = key;
  want.whole = true;
  want.bytes_max = bytes_max;
  RetryLoop loop(policy_, call_, client_.where());
  RESTORED_TRY(loop.run([&] { return attempt(want, loop); }));
  return std::move(body_);
}

S3Request S3Read::request(const Want& want) const {
  S3Request request;
  request.method = "GET";
  request.key = want.key;
  const std::uint64_t begin = want.offset + done_;
  if (!want.whole) {
    request.headers.emplace_back(
        "Range", fmt::format("bytes={}-{}", begin, want.offset + want.into.size() - 1));
    request.answer_bytes = want.into.size() - done_;
  } else if (done_ > 0) {
    request.headers.emplace_back("Range", fmt::format("bytes={}-", begin));
  }
  if (want.whole) request.answer_bytes = want.bytes_max;
  if (!version_.empty()) request.headers.emplace_back("If-Match", version_);
  return request;
}

Attempt<void> S3Read::attempt(const Want& want, RetryLoop& loop) {
  if (done_ > 0 && done_ == (want.whole ? body_.size() : want.into.size())) return {};
  const S3Request asked = request(want);
  refused_.reset();
  net::Target target;
  target.choose = [&](const net::ResponseHead& head) { return choose(want, head); };
  // Also a whole object whose length is not told beforehand.
  target.collect_bytes_max =
      std::max<std::uint64_t>(limits::store_error_bytes_max, want.whole ? want.bytes_max : 0);
  target.arrived = [&](std::size_t bytes) {
    done_ += bytes;
    loop.progress();
    arrived_(bytes);
  };
  auto response = client_.send(asked, target, {200, 206}, call_);
  if (refused_) {
    refused_->error.message = client_.what(asked) + ": " + refused_->error.message;
    if (want.whole && replaced(*refused_)) begin_again(*refused_);
    return std::unexpected(*std::move(refused_));
  }
  if (!response) {
    Trouble trouble = std::move(response).error();
    if (want.whole && replaced(trouble)) begin_again(trouble);
    if (want.whole && trouble.too_long) return std::unexpected(too_long(want, asked));
    return std::unexpected(std::move(trouble));
  }
  if (!want.whole || sized_) return {};
  // Its length was not told: it was collected, with as much room as an error's text may take.
  if (response->body.size() > want.bytes_max) return std::unexpected(too_long(want, asked));
  body_ = std::move(response->body);
  return {};
}

Trouble S3Read::too_long(const Want& want, const S3Request& asked) const {
  Trouble trouble;
  trouble.error = {
      ErrorCode::corruption,
      fmt::format("{}: it is longer than {} bytes", client_.what(asked), want.bytes_max),
      {}};
  return trouble;
}

// There is nothing where the object should go on (it was announced longer than it is), or what is
// there belongs to another version of it.
bool S3Read::replaced(const Trouble& trouble) const {
  return (done_ > 0 && trouble.status == 416) || trouble.error.code == ErrorCode::object_changed;
}

// Of a whole object nothing was given away yet. Documents are replaced as a matter of course.
void S3Read::begin_again(Trouble& trouble) {
  if (++begun_again_ > limits::object_reads_again_max) return;
  version_.clear();
  done_ = 0;
  body_.clear();
  sized_ = false;
  trouble.again = true;
}

void S3Read::refuse(ErrorCode code, std::string message, bool again) {
  refused_ = Trouble{{code, std::move(message), {}}, again, false, std::nullopt};
}

bool S3Read::accept_version(const net::ResponseHead& head) {
  const std::string_view version = head.header("etag");
  if (version_.empty()) version_ = version;
  if (version.empty() || version == version_) return true;
  refuse(ErrorCode::object_changed,
         fmt::format("the object changed while it was read ({} is not {})", version, version_),
         false);
  return false;
}

std::optional<std::span<std::byte>> S3Read::choose(const Want& want,
                                                   const net::ResponseHead& head) {
  if (head.status != 200 && head.status != 206) return std::nullopt;  // an error's text
  const std::uint64_t begin = want.offset + done_;
  const bool ranged = !want.whole || done_ > 0;
  std::uint64_t object_bytes = head.content_length.value_or(0);
  if (head.status == 206) {
    const auto range = content_range(head.header("content-range"));
    if (!ranged || !range || range->first != begin) {
      refuse(ErrorCode::object_store_unavailable,
             fmt::format("the server sent another range ({}) than asked for (from {})",
                         head.header("content-range"), begin),
             true);
      return std::nullopt;
    }
    object_bytes = range->object_bytes;
    if (want.whole && object_bytes != body_.size()) {
      refuse(ErrorCode::object_changed, "the object's size changed while it was read", false);
      return std::nullopt;
    }
    if (!want.whole && object_bytes < want.offset + want.into.size()) {
      refuse(ErrorCode::corruption,
             fmt::format("it is {} bytes long, shorter than the {} that are needed", object_bytes,
                         want.offset + want.into.size()),
             false);
      return std::nullopt;
    }
  } else if (ranged && (begin != 0 || head.content_length != want.into.size())) {
    refuse(ErrorCode::object_store_unavailable, "the server ignored the range that was asked for",
           true);
    return std::nullopt;
  }
  if (!accept_version(head)) return std::nullopt;
  if (!want.whole) return want.into.subspan(done_);
  if (head.status == 200) {
    body_.clear();
    sized_ = false;
    if (!head.content_length) return std::nullopt;  // collected
    if (object_bytes > want.bytes_max) {
      refuse(ErrorCode::corruption,
             fmt::format("it is {} bytes long, more than {}", object_bytes, want.bytes_max), false);
      return std::nullopt;
    }
    body_.resize(object_bytes);
    sized_ = true;
  }
  return std::as_writable_bytes(std::span(body_)).subspan(done_);
}

}  // namespace restored::store
