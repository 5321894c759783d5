// How object stores are reached. Defaults are for a store in the same region or rack.
#pragma once

#include <cstdint>
#include <string>

#include "restored/limits.h"

namespace restored {

enum class Addressing : std::uint8_t {
  automatic,     // virtual_host for AWS itself, path for every other endpoint
  path,          // https://endpoint/bucket/key
  virtual_host,  // https://bucket.endpoint/key
};

// What is empty comes from the environment (AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE,
// AWS_CA_BUNDLE, ...), then from the shared configuration, then from AWS's defaults. No secret
// stands here: files hold them.
struct S3Options {
  std::string endpoint;  // "https://s3.example.org:9000"
  std::string region;
  Addressing addressing = Addressing::automatic;
  std::string ca_file;           // PEM; empty: the system's
  std::string credentials_file;  // the shared format, with profiles
  std::string profile;
  std::string access_key_id;           // with secret_access_key_file
  std::string secret_access_key_file;  // holds the secret and nothing else
  bool instance_metadata = true;       // ask it where nothing else has credentials
};

struct StoreOptions {
  S3Options s3;
  unsigned reads_max = limits::store_reads_max_default;    // in flight at once
  unsigned writes_max = limits::store_writes_max_default;  // objects on their way at once
  std::uint64_t stall_seconds = limits::store_stall_seconds_default;  // without one byte
  // How long one call is tried again while it makes no progress.
  std::uint64_t retry_seconds = limits::store_retry_seconds_default;
  std::uint64_t bandwidth_bytes_per_second = 0;  // of the whole agent; 0: no limit
};

}  // namespace restored
