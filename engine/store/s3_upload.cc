#include "store/s3_upload.h"

#include <fmt/core.h>

#include <condition_variable>
#include <exception>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "restored/limits.h"
#include "store/http_date.h"

namespace restored::store {
namespace {

// A cancel is over within a second, this included.
constexpr std::chrono::milliseconds abandon_time(300);

std::unexpected<Error> exists(const S3Client& client, const S3Request& request) {
  return fail(ErrorCode::object_exists, client.what(request) + ": it exists already");
}

// Asks not to replace an object, where the server knows how to.
bool ask_not_to_replace(const S3Client& client, S3Request& request) {
  if (!client.conditional_puts()) return false;
  request.headers.emplace_back("If-None-Match", "*");
  return true;
}

// What is written comes with its checksum, and an upload in parts says so beforehand: AWS refuses a
// part with one that was not declared (400 InvalidRequest), and one without where it was. On the
// request that completes an upload the header would mean the sum of the parts' sums.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
constexpr const char* checksum_header = "x-amz-checksum-sha256";
constexpr const char* declaring_header = "x-amz-checksum-algorithm";

// A request that came with checksums and may be one that the server refuses for them.
void judge_checksums(const S3Client& client, bool came_with, Trouble& trouble) {
  if (came_with && !client.checksums()) trouble.again = trouble.at_once = true;
}

// What the refusal of such a request means.
void judge_condition(S3Client& client, Trouble& trouble) {
  if (trouble.status == 412) {
    trouble.error.code = ErrorCode::object_exists;
    trouble.again = false;
  } else if (trouble.status == 409) {  // one is being written: wait for how that ends
    trouble.error.code = ErrorCode::object_store_unavailable;
    trouble.again = true;
  } else if (trouble.status == 501) {
    client.no_conditional_puts();
    trouble.again = trouble.at_once = true;
  }
}

// What was acknowledged must be what is there.
Result<void> check_stored(S3Client& client, const RetryPolicy& policy, const std::string& key,
                          std::uint64_t size_bytes, std::string_view version, IfExists if_exists,
                          const StoreCall& call) {
  RESTORED_TRY(const S3Head head, head_object(client, policy, key, call));
  const S3Request put{"PUT", key, {}, {}, {}, 0};
  if (!version.empty() && !head.version.empty() && unquoted(version) != unquoted(head.version)) {
    // Another writer came later, on a server that does not know conditions.
    if (if_exists == IfExists::keep) return exists(client, put);
    return {};
  }
  if (head.size_bytes == size_bytes) return {};
  return fail(ErrorCode::corruption,
              fmt::format("{}: it has {} bytes afterwards, not {}", client.what(put),
                          head.size_bytes, size_bytes),
              "The store lost what it acknowledged: look at it before you trust it with backups.");
}

// An answer to HEAD has no body, so it cannot say which credentials, bucket or object are wrong,
// nor whether it is the store that says so. One byte of the object is asked for to learn that.
Trouble explained(S3Client& client, Trouble trouble, const std::string& key,
                  const StoreCall& call) {
  const bool unclear = trouble.status == 400 || trouble.status == 401 || trouble.status == 403 ||
                       trouble.status == 404;
  if (!unclear) return trouble;
  const S3Request request{"GET", key, {}, {{"Range", "bytes=0-0"}}, {}, 1};
  auto response = client.send(request, {200, 206, 416}, call, 1);
  if (!response) return std::move(response).error();
  trouble.error.code = ErrorCode::object_store_unavailable;
  trouble.error.hint.clear();
  trouble.again = true;
  return trouble;
}

}  // namespace

Result<S3Head> head_object(S3Client& client, const RetryPolicy& policy, const std::string& key,
                           const StoreCall& call) {
  const S3Request request{"HEAD", key, {}, {}, {}, 0};
  RetryLoop loop(policy, call, client.where());
  return loop.run([&]() -> Attempt<S3Head> {
    auto response = client.send(request, {200}, call);
    if (!response)
      return std::unexpected(explained(client, std::move(response).error(), key, call));
    if (!response->head.content_length) {
      Trouble trouble = client.trouble(request, *response);
      trouble.error.message += ": it does not tell the object's size";
      return std::unexpected(std::move(trouble));
    }
    S3Head head;
    head.size_bytes = *response->head.content_length;
    head.modified_unix_millis = parse_http_date(response->head.header("last-modified"));
    head.version = response->head.header("etag");
    return head;
  });
}

Result<void> put_object(S3Client& client, const RetryPolicy& policy, const std::string& key,
                        std::span<const std::byte> bytes, IfExists if_exists,
                        const StoreCall& call) {
  RetryLoop loop(policy, call, client.where());
  const Sha256 sum = sha256(bytes);
  const auto attempt = [&]() -> Attempt<std::string> {
    S3Request request{"PUT", key, {}, {}, bytes, 0, sum};
    const bool checksums = client.checksums();
    if (checksums) request.headers.emplace_back(checksum_header, sum.base64());
    const bool conditional = if_exists == IfExists::keep && ask_not_to_replace(client, request);
    auto response = client.send(request, {200}, call);
    if (response) return std::string(response->head.header("etag"));
    judge_checksums(client, checksums, response.error());
    if (conditional) judge_condition(client, response.error());
    return std::unexpected(std::move(response).error());
  };
  RESTORED_TRY(const std::string version, loop.run(attempt));
  return check_stored(client, policy, key, bytes.size(), version, if_exists, call);
}

Attempt<void> abort_upload(S3Client& client, const std::string& key, const std::string& upload_id,
                           const StoreCall& call) {
  const S3Request request{"DELETE", key, {{"uploadId", upload_id}}, {}, {}, 0};
  auto response = client.send(request, {200, 204, 404}, call);
  if (!response) return std::unexpected(std::move(response).error());
  return {};
}

S3Upload::S3Upload(S3Client& client, const RetryPolicy& policy, std::string key, IfExists if_exists,
                   const StoreCall& call)
    : client_(client), policy_(policy), key_(std::move(key)), if_exists_(if_exists), call_(call) {}

RetryLoop S3Upload::loop() const {
  return RetryLoop(policy_, call_, client_.where());
}

Result<void> S3Upload::begin() {
  RetryLoop tries = loop();
  RESTORED_TRY(upload_id_, tries.run([&]() -> Attempt<std::string> {
    S3Request request{"POST", key_, {{"uploads", ""}}, {}, {}, 0};
    checksums_ = client_.checksums();
    if (checksums_) request.headers.emplace_back(declaring_header, "SHA256");
    auto response = client_.send(request, {200}, call_);
    if (!response) {
      judge_checksums(client_, checksums_, response.error());
      return std::unexpected(std::move(response).error());
    }
    auto id = parse_upload_id(response->body);
    if (id) return std::move(*id);
    Trouble trouble = client_.trouble(request, *response);
    trouble.error.message += ": " + id.error().message;
    return std::unexpected(std::move(trouble));
  }));
  return {};
}

Result<void> S3Upload::send_part(std::span<const std::byte> bytes) {
  if (parts_.size() == limits::upload_parts_max) {
    return fail(ErrorCode::limit_reached,
                fmt::format("{} needs more than {} parts", key_, limits::upload_parts_max));
  }
  const unsigned number = static_cast<unsigned>(parts_.size()) + 1;
  const Sha256 sum = sha256(bytes);
  S3Request request{
      "PUT", key_, {{"partNumber", std::to_string(number)}, {"uploadId", upload_id_}}, {}, bytes,
      0,     sum};
  const std::string checksum = checksums_ ? sum.base64() : "";
  if (checksums_) request.headers.emplace_back(checksum_header, checksum);
  RetryLoop tries = loop();
  RESTORED_TRY(std::string version, tries.run([&]() -> Attempt<std::string> {
    auto response = client_.send(request, {200}, call_);
    if (!response) return std::unexpected(std::move(response).error());
    if (const auto etag = response->head.header("etag"); !etag.empty()) return std::string(etag);
    Trouble trouble = client_.trouble(request, *response);
    trouble.error.message += ": it does not name the part (no ETag)";
    return std::unexpected(std::move(trouble));
  }));
  parts_.push_back({number, std::move(version), checksum});
  size_bytes_ += bytes.size();
  return {};
}

Result<void> S3Upload::append(std::span<const std::byte> bytes) {
  RESTORED_CHECK(bytes.size() >= limits::upload_part_bytes_min, "a part has its smallest size");
  if (upload_id_.empty()) RESTORED_TRY(begin());
  return send_part(bytes);
}

Result<void> S3Upload::commit(std::span<const std::byte> last) {
  if (upload_id_.empty()) return put_object(client_, policy_, key_, last, if_exists_, call_);
  if (!last.empty()) RESTORED_TRY(send_part(last));
  if (auto completed = complete(); !completed) {
    // An attempt whose outcome is not known may still succeed: then an abort would tear the object
    // apart. What is left is removed as a stale upload.
    if (completed.error().code != ErrorCode::object_exists) upload_id_.clear();
    return completed;
  }
  upload_id_.clear();
  return check_stored(client_, policy_, key_, size_bytes_, version_, if_exists_, call_);
}

Attempt<void> S3Upload::try_complete(std::span<const std::byte> body) {
  S3Request request{"POST", key_, {{"uploadId", upload_id_}}, {{"Content-Type", "application/xml"}},
                    body,   0};
  const bool conditional = if_exists_ == IfExists::keep && ask_not_to_replace(client_, request);
  auto response = client_.send(request, {200}, call_);
  if (!response) {
    if (conditional) judge_condition(client_, response.error());
    // Not known: perhaps completed already, by an attempt whose answer was lost.
    if (response.error().status == 404) response.error().again = true;
    return std::unexpected(std::move(response).error());
  }
  auto completed = parse_complete(response->body);
  if (completed && !completed->fault) {
    version_ = completed->etag;
    return {};
  }
  // The status went out before the work was done: the body may say that it failed.
  Trouble trouble = client_.trouble(request, *response);
  if (conditional && completed && completed->fault->code == "PreconditionFailed") {
    trouble.status = 412;
    judge_condition(client_, trouble);
  }
  if (!completed) trouble.error.message += ": " + completed.error().message;
  return std::unexpected(std::move(trouble));
}

// Whether the object is what this upload has made, as far as can be told. What it replaces may be
// as long, and even have its ETag, when damage came to it later; not its time.
Result<bool> S3Upload::is_there(const std::optional<S3Head>& before) {
  RESTORED_TRY(const S3Head head, head_object(client_, policy_, key_, call_));
  if (head.size_bytes != size_bytes_) return false;
  return !before || head.version != before->version ||
         head.modified_unix_millis != before->modified_unix_millis;
}

Result<void> S3Upload::complete() {
  std::optional<S3Head> before;
  if (if_exists_ == IfExists::replace) {
    auto head = head_object(client_, policy_, key_, call_);
    if (!head && head.error().code != ErrorCode::object_not_found)
      return std::unexpected(std::move(head).error());
    if (head) before = std::move(*head);
  }
  const std::string body = complete_body(parts_);
  RetryLoop tries = loop();
  bool sent = false;
  return tries.run([&]() -> Attempt<void> {
    // An answer that was lost: the object may be there, and the upload's id no longer known.
    if (std::exchange(sent, true)) {
      const auto there = is_there(before);
      if (there && *there) return {};
    }
    return try_complete(std::as_bytes(std::span(body)));
  });
}

void S3Upload::abandon() noexcept {
  if (upload_id_.empty()) return;
  try {
    // Not the call's own stop token: it has most often fired by now.
    std::stop_source time_over;
    std::jthread timer([&](const std::stop_token& done) {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      never.wait_for(lock, done, abandon_time, [] { return false; });
      time_over.request_stop();
    });
    const auto aborted = abort_upload(client_, key_, upload_id_, time_over.get_token());
    if (!aborted) {
      log::warning("store", "an unfinished upload stays until it is collected: {}",
                   aborted.error().error.message);
    }
  } catch (const std::exception& error) {
    log::warning("store", "an unfinished upload of {} stays: {}", key_, error.what());
  }
  upload_id_.clear();
}

}  // namespace restored::store
