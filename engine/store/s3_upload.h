// One object on its way to an S3 server: a single PUT when it is small, else the parts of a
// multipart upload, sent from the caller's memory as they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "restored/object_store.h"
#include "store/retry_loop.h"
#include "store/s3_client.h"
#include "store/s3_xml.h"

namespace restored::store {

// What the server has under a key.
struct S3Head {
  std::uint64_t size_bytes = 0;
  std::int64_t modified_unix_millis = 0;
  std::string version;  // ETag
};

class S3Upload final : public ObjectUpload {
 public:
  // Nothing is sent yet. `client` and `policy` outlive it.
  S3Upload(S3Client& client, const RetryPolicy& policy, std::string key, IfExists if_exists,
           const StoreCall& call);

  Result<void> append(std::span<const std::byte> bytes) override;
  Result<void> commit(std::span<const std::byte> last) override;
  void abandon() noexcept override;

 private:
  RetryLoop loop() const;
  Result<void> begin();
  Result<void> send_part(std::span<const std::byte> bytes);
  Result<void> complete();
  Result<bool> is_there(const std::optional<S3Head>& before);
  Attempt<void> try_complete(std::span<const std::byte> body);
  Result<void> check(std::uint64_t size_bytes);

  S3Client& client_;
  const RetryPolicy& policy_;
  const std::string key_;
  const IfExists if_exists_;
  const StoreCall call_;
  std::string upload_id_;   // empty: no multipart upload was begun, or it ended
  bool checksums_ = false;  // declared when it was begun: all of its parts have one, or none has
  std::vector<UploadedPart> parts_;
  std::uint64_t size_bytes_ = 0;
  std::string version_;  // ETag that the server told at the end; may be empty
};

// A whole object in one request, checked after. Errors: see ObjectStore::put; object_exists with
// IfExists::keep, where the server can tell.
Result<void> put_object(S3Client& client, const RetryPolicy& policy, const std::string& key,
                        std::span<const std::byte> bytes, IfExists if_exists,
                        const StoreCall& call);

// Errors: see ObjectStore::stat.
Result<S3Head> head_object(S3Client& client, const RetryPolicy& policy, const std::string& key,
                           const StoreCall& call);

// Errors: store errors; an upload that is gone already is none.
Attempt<void> abort_upload(S3Client& client, const std::string& key, const std::string& upload_id,
                           const StoreCall& call);

}  // namespace restored::store
