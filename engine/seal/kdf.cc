#include "seal/kdf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace restored::seal {
namespace {

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

void hmac(std::span<const std::byte> key, std::span<const std::byte> message,
          std::span<std::byte, 32> into) {
  unsigned length = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(message), message.size(),
           reinterpret_cast<unsigned char*>(into.data()), &length);
  RESTORED_CHECK(made != nullptr && length == into.size(), "HMAC-SHA256 gives 32 bytes");
}

}  // namespace

Hash hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message) {
  Hash hash{};
  hmac(key, message, hash);
  return hash;
}

void hkdf_sha256(std::span<const std::byte> input, std::string_view info,
                 std::span<std::byte, 32> into) {
  const Hash no_salt{};
  Hash extracted = hmac_sha256(no_salt, input);
  std::vector<std::byte> block(info.size() + 1, std::byte{1});
  std::ranges::copy(std::as_bytes(std::span(info)), block.begin());
  hmac(extracted, block, into);
  OPENSSL_cleanse(extracted.data(), extracted.size());
}

}  // namespace restored::seal
