// One object, or a part of it, on its way from an S3 server into memory: an answer that was cut
// short goes on at the byte it reached, and all answers must be of the same version of the object.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "restored/error.h"
#include "restored/store_call.h"
#include "store/retry_loop.h"
#include "store/s3_client.h"

namespace restored::store {

// Threading: one thread.
class S3Read {
 public:
  // `arrived` is told of the body's bytes as they come. Everything outlives the read.
  S3Read(S3Client& client, const RetryPolicy& policy, const StoreCall& call,
         std::function<void(std::size_t)> arrived);

  // Fills `into` from `offset` on. Errors: see ObjectStore::read.
  Result<void> range(const std::string& key, std::uint64_t offset, std::span<std::byte> into);
  // A whole object of unknown size. Errors: see ObjectStore::get.
  Result<std::string> whole(const std::string& key, std::uint64_t bytes_max);

 private:
  struct Want {
    std::string key;
    std::uint64_t offset = 0;
    std::span<std::byte> into;  // unless whole
    bool whole = false;
    std::uint64_t bytes_max = 0;
  };
  Attempt<void> attempt(const Want& want, RetryLoop& loop);
  S3Request request(const Want& want) const;
  // Where the body goes, or why it is not what was asked for.
  std::optional<std::span<std::byte>> choose(const Want& want, const net::ResponseHead& head);
  Trouble too_long(const Want& want, const S3Request& asked) const;
  bool accept_version(const net::ResponseHead& head);
  void begin_again(Trouble& trouble);
  bool replaced(const Trouble& trouble) const;
  void refuse(ErrorCode code, std::string message, bool again);

  S3Client& client_;
  const RetryPolicy& policy_;
  const StoreCall& call_;
  const std::function<void(std::size_t)> arrived_;
  std::string version_;   // ETag; empty: not known
  std::size_t done_ = 0;  // bytes that have arrived
  std::string body_;      // of a whole object
  bool sized_ = false;    // body_ has the object's size
  unsigned begun_again_ = 0;
  std::optional<Trouble> refused_;  // by choose(), in this attempt
};

}  // namespace restored::store
