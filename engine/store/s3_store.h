// Objects in a bucket of an S3 server (AWS, Ceph RGW, MinIO and their like): s3://bucket/prefix.
// Every request is signed (Signature Version 4, payload included), its answer checked, and tried
// again where that can help; see RetryLoop. Large reads take turns, of which there are as many as
// make them faster; see AdaptiveLimit.
// Threading: see ObjectStore.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/store_options.h"
#include "store/adaptive_limit.h"
#include "store/environment.h"
#include "store/retry_loop.h"
#include "store/s3_client.h"

namespace restored::store {

class S3Store final : public ObjectStore {
 public:
  // Sends nothing yet. `clock` outlives the store. Errors: invalid_configuration,
  // store_misconfigured, and those of files that the options name.
  static Result<std::unique_ptr<S3Store>> open(std::string_view url, const StoreOptions& options,
                                               const Environment& environment,
                                               const Clock& clock = system_clock());

  std::string url() const override { return client_->location().url(); }
  unsigned reads_max() const override { return reads_max_; }
  unsigned writes_max() const override { return writes_max_; }
  Result<ReadTurn> read_turn(const StoreCall& call) override { return reads_.take(call.stop); }
  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override;
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override;
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override;
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override;
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override;
  Result<void> remove(std::string_view key, const StoreCall& call) override;
  // What it has answered is durable, and what it shows it has answered.
  Result<void> settle(std::span<const std::string>, const StoreCall&) override { return {}; }
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override;
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override;

  // For tests of many failures in a short time.
  void set_retry_policy(const RetryPolicy& policy) { policy_ = policy; }
  unsigned reads_now() const { return reads_.current(); }

 private:
  S3Store(const StoreOptions& options, const Clock& clock);
  // `prefix`: relative to the repository's own.
  Result<std::uint64_t> remove_stale_below(std::string_view prefix, std::uint64_t age_seconds,
                                           const StoreCall& call);
  // One answer to a GET of the bucket, parsed by `parse`.
  template <class Parse>
  auto page(const S3Request& request, const StoreCall& call, Parse parse);

  const unsigned reads_max_;
  const unsigned writes_max_;
  const Clock& clock_;
  RetryPolicy policy_;
  AdaptiveLimit reads_;
  std::unique_ptr<S3Client> client_;
};

}  // namespace restored::store
