#include "store/s3_store.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

#include "base/log.h"
#include "restored/limits.h"
#include "store/http_date.h"
#include "store/object_key.h"
#include "store/s3_location.h"
#include "store/s3_read.h"
#include "store/s3_upload.h"
#include "store/s3_xml.h"

namespace restored::store {
namespace {

Result<void> check_call(std::string_view key, const StoreCall& call) {
  RESTORED_TRY(check_key(key));
  if (call.stop.stop_requested())
    return fail(ErrorCode::cancelled, "stopped before " + std::string(key));
  return {};
}

}  // namespace

Result<std::unique_ptr<S3Store>> S3Store::open(std::string_view url, const StoreOptions& options,
                                               const Environment& environment, const Clock& clock) {
  RESTORED_TRY(S3Location location, locate(url, options.s3, environment));
  std::unique_ptr<S3Store> store(new S3Store(options, clock));
  RESTORED_TRY(store->client_,
               S3Client::make(std::move(location), options, environment, clock,
                              [limit = &store->reads_] { limit->note_throttled(); }));
  return store;
}

S3Store::S3Store(const StoreOptions& options, const Clock& clock)
    : reads_max_(options.reads_max),
      writes_max_(options.writes_max),
      clock_(clock),
      reads_(std::min(limits::store_reads_begin, options.reads_max), options.reads_max, clock) {
  policy_.budget = std::chrono::seconds(options.retry_seconds);
}

Result<ObjectInfo> S3Store::stat(std::string_view key, const StoreCall& call) {
  RESTORED_TRY(check_call(key, call));
  RESTORED_TRY(const S3Head head, head_object(*client_, policy_, std::string(key), call));
  return ObjectInfo{std::string(key), head.size_bytes, head.modified_unix_millis};
}

Result<void> S3Store::read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                           const StoreCall& call) {
  RESTORED_TRY(check_call(key, call));
  if (into.empty()) return {};
  S3Read read(*client_, policy_, call, [this](std::size_t bytes) { reads_.note_bytes(bytes); });
  return read.range(std::string(key), offset, into);
}

Result<std::string> S3Store::get(std::string_view key, std::uint64_t bytes_max,
                                 const StoreCall& call) {
  RESTORED_TRY(check_call(key, call));
  S3Read read(*client_, policy_, call, [](std::size_t) {});
  return read.whole(std::string(key), bytes_max);
}

Result<void> S3Store::put(std::string_view key, std::span<const std::byte> bytes,
                          const StoreCall& call) {
  RESTORED_TRY(check_call(key, call));
  return put_object(*client_, policy_, std::string(key), bytes, IfExists::replace, call);
}

Result<std::unique_ptr<ObjectUpload>> S3Store::upload(std::string_view key, const StoreCall& call,
                                                      IfExists if_exists) {
  RESTORED_TRY(check_call(key, call));
  return std::make_unique<S3Upload>(*client_, policy_, std::string(key), if_exists, call);
}

Result<void> S3Store::remove(std::string_view key, const StoreCall& call) {
  RESTORED_TRY(check_call(key, call));
  const S3Request request{"DELETE", std::string(key), {}, {}, {}, 0};
  RetryLoop loop(policy_, call, client_->where());
  return loop.run([&]() -> Attempt<void> {
    auto response = client_->send(request, {200, 202, 204}, call);
    if (response) return {};
    // Gone already; but a bucket that is not there never held anything.
    if (response.error().error.code == ErrorCode::object_not_found) return {};
    return std::unexpected(std::move(response).error());
  });
}

template <class Parse>
auto S3Store::page(const S3Request& request, const StoreCall& call, Parse parse) {
  using Page = typename decltype(parse(std::string_view()))::value_type;
  struct Answer {
    Page page;
    UnixMillis server_time = 0;
  };
  RetryLoop loop(policy_, call, client_->where());
  return loop.run([&]() -> Attempt<Answer> {
    auto response = client_->send(request, {200}, call, limits::store_list_bytes_max);
    if (!response) return std::unexpected(std::move(response).error());
    auto page = parse(response->body);
    if (page) {
      return Answer{std::move(*page), parse_http_date(response->head.header("date"))};
    }
    Trouble trouble = client_->trouble(request, *response);
    trouble.error.message += ": " + page.error().message;
    return std::unexpected(std::move(trouble));
  });
}

Result<void> S3Store::list(std::string_view prefix,
                           const std::function<bool(const ObjectInfo&)>& visit,
                           const StoreCall& call) {
  RESTORED_TRY(check_prefix(prefix));
  const std::string& root = client_->location().prefix;
  std::string continuation;
  do {
    if (call.stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped listing " + url());
    S3Request request{"GET", "", {}, {}, {}, limits::store_list_bytes_max};
    request.query = {{"list-type", "2"},
                     {"encoding-type", "url"},
                     {"max-keys", std::to_string(limits::store_list_page)},
                     {"prefix", root + std::string(prefix)}};
    if (!continuation.empty()) request.query.emplace_back("continuation-token", continuation);
    RESTORED_TRY(const auto answer, page(request, call, parse_list));
    for (const ListedObject& object : answer.page.objects) {
      // What is not below our prefix or no key of ours is not ours.
      if (!object.key.starts_with(root)) continue;
      const std::string key = object.key.substr(root.size());
      if (!check_key(key) || !key.starts_with(prefix)) continue;
      if (!visit({key, object.size_bytes, object.modified_unix_millis})) return {};
    }
    continuation = answer.page.truncated ? answer.page.continuation : "";
  } while (!continuation.empty());
  return {};
}

Result<std::uint64_t> S3Store::remove_stale_uploads(std::uint64_t age_seconds,
                                                    const StoreCall& call) {
  std::uint64_t removed = 0;
  for (const std::string_view folder : uploaded_folders) {
    RESTORED_TRY(const std::uint64_t more, remove_stale_below(folder, age_seconds, call));
    removed += more;
  }
  return removed;
}

Result<std::uint64_t> S3Store::remove_stale_below(std::string_view prefix,
                                                  std::uint64_t age_seconds,
                                                  const StoreCall& call) {
  const std::string& root = client_->location().prefix;
  std::uint64_t removed = 0;
  UploadsPage seen;
  do {
    if (call.stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped listing " + url());
    S3Request request{"GET", "", {{"uploads", ""}, {"prefix", root + std::string(prefix)}},
                      {},    {}, 0};
    if (seen.truncated) {
      request.query.emplace_back("key-marker", seen.key_marker);
      request.query.emplace_back("upload-id-marker", seen.upload_id_marker);
    }
    RESTORED_TRY(auto answer, page(request, call, parse_uploads));
    // In the store's own time, which began the uploads too.
    const UnixMillis now = answer.server_time != 0 ? answer.server_time : clock_.wall();
    const UnixMillis stale_before = now - static_cast<UnixMillis>(age_seconds) * 1000;
    for (const ListedUpload& upload : answer.page.uploads) {
      if (!upload.key.starts_with(root) || upload.initiated_unix_millis > stale_before) continue;
      const std::string key = upload.key.substr(root.size());
      // Whatever the server lists: see uploaded_folders.
      if (!check_key(key) || !key.starts_with(prefix)) continue;
      RetryLoop loop(policy_, call, client_->where());
      RESTORED_TRY(loop.run([&] { return abort_upload(*client_, key, upload.upload_id, call); }));
      log::info("store", "removed the upload of {} that was never finished", key);
      ++removed;
    }
    seen = std::move(answer.page);
  } while (seen.truncated);
  return removed;
}

}  // namespace restored::store
