#include "store/s3_client.h"

#include <fmt/core.h>

#include <algorithm>

#include "store/s3_trouble.h"

namespace restored::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

Result<std::unique_ptr<S3Client>> S3Client::make(S3Location location, const StoreOptions& options,
                                                 const Environment& environment, const Clock& clock,
                                                 std::function<void()> throttled) {
  std::unique_ptr<S3Client> client(
      new S3Client(std::move(location), options, clock, std::move(throttled)));
  RESTORED_TRY(client->credentials_, CredentialsSource::open(options.s3, environment, clock));
  net::ClientOptions http;
  http.endpoint = client->location_.endpoint;
  http.ca_file = client->location_.ca_file;
  http.idle = seconds(limits::store_idle_seconds);
  RESTORED_TRY(client->http_, net::HttpClient::make(std::move(http)));
  return client;
}

S3Client::S3Client(S3Location location, const StoreOptions& options, const Clock& clock,
                   std::function<void()> throttled)
    : location_(std::move(location)), clock_(clock), throttled_(std::move(throttled)) {
  limits_.connect = seconds(limits::store_connect_seconds);
  limits_.stall = seconds(options.stall_seconds);
  limits_.deadline = seconds(limits::store_request_seconds);
}

std::string S3Client::server() const {
  return http_->endpoint().text();
}

std::string S3Client::where() const {
  return "the object store at " + server();
}

std::string S3Client::what(const S3Request& request) const {
  if (request.key.empty()) return fmt::format("{} of {}", request.method, location_.url());
  return fmt::format("{} {} of {}", request.method, request.key, location_.url());
}

net::Request S3Client::addressed(const S3Request& request) const {
  net::Request sent;
  sent.method = request.method;
  sent.target = request.key.empty() ? location_.bucket_path() : location_.object_path(request.key);
  if (!request.query.empty()) sent.target += "?" + canonical_query(request.query);
  sent.headers = request.headers;
  sent.headers.emplace_back("Host", location_.endpoint.authority());
  sent.headers.emplace_back("User-Agent", "restored");
  sent.body = request.body;
  return sent;
}

net::Limits S3Client::limits_of(const S3Request& request, const StoreCall& call) const {
  net::Limits limits = limits_;
  const std::uint64_t bytes = request.body.size() + request.answer_bytes;
  if (call.patience) {
    limits.connect = std::min(limits.connect, *call.patience);
    limits.stall = std::min(limits.stall, *call.patience);
  }
  limits.deadline += milliseconds(bytes * 1000 / limits::store_bytes_per_second_min);
  return limits;
}

Attempt<net::Response> S3Client::send(const S3Request& request, const net::Target& target,
                                      std::initializer_list<unsigned> wanted,
                                      const StoreCall& call) {
  auto credentials = credentials_->get(call.stop);
  if (!credentials) {
    Trouble trouble;
    trouble.error = std::move(credentials).error();
    trouble.again = facts(trouble.error.code).retry;
    return std::unexpected(std::move(trouble));
  }
  net::Request sent = addressed(request);
  std::string payload(empty_payload_sha256_hex);
  if (!request.body.empty()) {
    payload = request.body_sum ? request.body_sum->hex() : sha256_hex(request.body);
  }
  const UnixMillis now = clock_.wall();
  sign(sent, {location_.region, "s3"}, **credentials, now, payload);
  auto response = http_->send(sent, target, limits_of(request, call), call.stop);
  wipe_credentials(sent);
  const S3Asked asked{what(request),          server(), location_.region,
                      (*credentials)->origin, now,      request.method == "HEAD"};
  if (!response) return std::unexpected(trouble_of(asked, response.error()));
  if (std::ranges::find(wanted, response->head.status) != wanted.end()) return std::move(*response);
  if (throttled(*response)) throttled_();
  if (credentials_expired(*response)) credentials_->refused(**credentials);
  if (checksum_refused(*response)) checksums_.store(false, std::memory_order_relaxed);
  return std::unexpected(trouble_of(asked, *response));
}

Attempt<net::Response> S3Client::send(const S3Request& request,
                                      std::initializer_list<unsigned> wanted, const StoreCall& call,
                                      std::size_t body_bytes_max) {
  net::Target target;
  target.collect_bytes_max = std::max(body_bytes_max, limits::store_error_bytes_max);
  return send(request, target, wanted, call);
}

Trouble S3Client::trouble(const S3Request& request, const net::Response& response) const {
  const S3Asked asked{what(request), server(), location_.region, "", clock_.wall(), false};
  return trouble_of(asked, response);
}

}  // namespace restored::store
