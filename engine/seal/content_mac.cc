#include "seal/content_mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <climits>
#include <utility>

#include "seal/cipher.h"

namespace restored::seal {
namespace {

constexpr std::size_t hash_bytes = 16;
constexpr std::size_t gcm_nonce_bytes = 12;

struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};

EVP_MAC* hmac() {
  static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
  RESTORED_CHECK(mac != nullptr, "OpenSSL's default provider has HMAC");
  return mac;
}

}  // namespace

struct ContentMac::State {
  Context gmac = make_context(aes_256_gcm());
  std::unique_ptr<EVP_MAC_CTX, FreeMac> result{EVP_MAC_CTX_new(hmac())};
  Key result_key;

  explicit State(const Key& key) : result_key(key.derive("restored content mac: result")) {
    const Key part_key = key.derive("restored content mac: part");
    RESTORED_CHECK(result && EVP_CipherInit_ex2(gmac.get(), nullptr, raw(part_key.bytes()), nullptr,
                                                1, nullptr),
                   "a key of 32 bytes, and memory");
  }
};

ContentMac::ContentMac(const Key& key) : state_(std::make_unique<State>(key)) {
  begin();
}
ContentMac::ContentMac(ContentMac&&) noexcept = default;
ContentMac& ContentMac::operator=(ContentMac&&) noexcept = default;
ContentMac::~ContentMac() = default;

void ContentMac::begin() {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  const auto key = state_->result_key.bytes();
  RESTORED_CHECK(EVP_MAC_init(state_->result.get(), raw(key), key.size(), parameters),
                 "HMAC takes any key");
}

void ContentMac::add(std::span<const std::byte> part) {
  RESTORED_CHECK(part.size() <= INT_MAX, "a part is a frame's content");
  EVP_CIPHER_CTX* const gmac = state_->gmac.get();
  constexpr std::array<unsigned char, gcm_nonce_bytes> nonce{};
  std::array<unsigned char, hash_bytes> hash{};
  int done = 0;
  RESTORED_CHECK(
      EVP_CipherInit_ex2(gmac, nullptr, nullptr, nonce.data(), 1, nullptr) &&
          EVP_CipherUpdate(gmac, nullptr, &done, raw(part), static_cast<int>(part.size())) &&
          EVP_CipherFinal_ex(gmac, hash.data(), &done) &&
          EVP_CIPHER_CTX_ctrl(gmac, EVP_CTRL_AEAD_GET_TAG, hash_bytes, hash.data()) &&
          EVP_MAC_update(state_->result.get(), hash.data(), hash.size()),
      "GMAC takes any bytes");
  OPENSSL_cleanse(hash.data(), hash.size());
}

Hash ContentMac::end(std::span<const std::byte> bound) {
  Hash result{};
  std::size_t length = 0;
  RESTORED_CHECK(EVP_MAC_update(state_->result.get(), raw(bound), bound.size()) &&
                     EVP_MAC_final(state_->result.get(), raw(std::span<std::byte>(result)), &length,
                                   result.size()) &&
                     length == result.size(),
                 "HMAC-SHA256 gives 32 bytes");
  begin();
  return result;
}

}  // namespace restored::seal
