// Stores on the real gateway.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "ceph_gateway.h"
#include "io/file_system.h"
#include "restored/object_store.h"
#include "restored/store_options.h"
#include "store/open_store.h"
#include "support/temporary_directory.h"

namespace restored::test {

class GatewayStoreTest : public CephGatewayTest {
 protected:
  void SetUp() override {
    CephGatewayTest::SetUp();
    write_secret(gateway().secret_key());
    options_.s3.endpoint = gateway().endpoint();
    options_.s3.access_key_id = gateway().access_key();
    options_.s3.secret_access_key_file = secret_file();
    options_.s3.instance_metadata = false;
    options_.stall_seconds = 5;
    options_.retry_seconds = 60;
    ASSERT_TRUE(gateway().make_bucket(bucket_));
  }
  void write_secret(const std::string& secret) const {
    write_file(secret_file(), secret);
    std::filesystem::permissions(
        secret_file(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  std::string secret_file() const { return directory_.file("secret"); }
  Result<std::unique_ptr<ObjectStore>> open(const std::string& prefix = "some/prefix") {
    return store::open_store("s3://" + bucket_ + "/" + prefix, io::system_files(), nullptr,
                             options_);
  }

  const TemporaryDirectory directory_;
  // Each test has its own bucket, so that none sees what another has left.
  const std::string bucket_ = [] {
    static int made = 0;
    return "bucket" + std::to_string(++made);
  }();
  StoreOptions options_;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// The same for the same seed, and nothing that repeats.
std::string random_text(std::size_t bytes, std::uint64_t seed = 1);

}  // namespace restored::test
