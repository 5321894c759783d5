// Requests to one bucket of an S3 server: addressed, signed, sent once, and the answer judged. No
// retries: see RetryLoop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/http_client.h"
#include "restored/error.h"
#include "restored/store_call.h"
#include "restored/store_options.h"
#include "store/credentials.h"
#include "store/retry_loop.h"
#include "store/s3_location.h"
#include "store/s3_signer.h"

namespace restored::store {

struct S3Request {
  std::string method;
  std::string key;  // relative to the prefix; empty: the bucket itself
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<net::Header> headers;
  std::span<const std::byte> body;
  std::uint64_t answer_bytes = 0;                 // about how many are expected, for the deadline
  std::optional<Sha256> body_sum = std::nullopt;  // if it is known already
};

// Threading: all methods may be called from any thread at once.
class S3Client {
 public:
  // `throttled` is called, from any thread, for each answer that asks for fewer requests.
  // Errors: store_misconfigured, store_permission_denied (no credentials), invalid_configuration.
  static Result<std::unique_ptr<S3Client>> make(S3Location location, const StoreOptions& options,
                                                const Environment& environment, const Clock& clock,
                                                std::function<void()> throttled);

  // An answer with another status than `wanted` is a Trouble.
  Attempt<net::Response> send(const S3Request& request, const net::Target& target,
                              std::initializer_list<unsigned> wanted, const StoreCall& call);
  // The same, for answers that are small: their body is collected.
  Attempt<net::Response> send(const S3Request& request, std::initializer_list<unsigned> wanted,
                              const StoreCall& call, std::size_t body_bytes_max = 0);
  // What `response`, which was no success for a reason that its status does not tell, means.
  Trouble trouble(const S3Request& request, const net::Response& response) const;

  const S3Location& location() const { return location_; }
  // "GET objects/ab/abcd of s3://bucket/prefix"
  std::string what(const S3Request& request) const;
  std::string server() const;  // "10.0.0.7:8000"
  std::string where() const;   // "the object store at 10.0.0.7:8000"
  // Whether a PUT may ask not to replace what is there. Most servers know that, a few refuse it.
  bool conditional_puts() const { return conditional_puts_.load(std::memory_order_relaxed); }
  void no_conditional_puts() { conditional_puts_.store(false, std::memory_order_relaxed); }
  // Whether what is written may come with a checksum (x-amz-checksum-*), which the server keeps,
  // and which it wants where the bucket has Object Lock. A few refuse its headers; the one that did
  // so is not asked again.
  bool checksums() const { return checksums_.load(std::memory_order_relaxed); }

 private:
  S3Client(S3Location location, const StoreOptions& options, const Clock& clock,
           std::function<void()> throttled);
  net::Request addressed(const S3Request& request) const;
  net::Limits limits_of(const S3Request& request, const StoreCall& call) const;

  const S3Location location_;
  const Clock& clock_;
  const std::function<void()> throttled_;
  net::Limits limits_;
  std::atomic<bool> conditional_puts_{true};  // hints: the next request finds out again
  std::atomic<bool> checksums_{true};
  std::unique_ptr<CredentialsSource> credentials_;
  std::unique_ptr<net::HttpClient> http_;
};

}  // namespace restored::store
