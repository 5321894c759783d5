// OpenSSL's cipher contexts, for this folder's .cc files only.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <span>

#include "base/check.h"

namespace restored::seal {

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

inline Context make_context(const EVP_CIPHER* cipher) {
  Context context(EVP_CIPHER_CTX_new());
  RESTORED_CHECK(context && EVP_CipherInit_ex2(context.get(), cipher, nullptr, nullptr, 1, nullptr),
                 "OpenSSL has the cipher, and there is memory for a context");
  return context;
}

// Looked up once: a lookup takes a lock and longer than a small message.
inline const EVP_CIPHER* fetched(const char* name) {
  const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, name, nullptr);
  RESTORED_CHECK(cipher != nullptr, "OpenSSL's default provider has AES-256");
  return cipher;
}

inline const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const cipher = fetched("AES-256-GCM");
  return cipher;
}

inline const EVP_CIPHER* aes_256_ecb() {
  static const EVP_CIPHER* const cipher = fetched("AES-256-ECB");
  return cipher;
}

inline const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* raw(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace restored::seal
