#include "seal/box.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "base/random.h"
#include "seal/cipher.h"

namespace restored::seal {
namespace {

constexpr std::size_t block_bytes = 16;
using Block = std::array<std::byte, block_bytes>;
constexpr int bytes_max = INT_MAX;  // of one call of OpenSSL
// The specification's two halves: the first derives the key, the second is AES-GCM's nonce.
constexpr std::size_t half = nonce_bytes / 2;

// Doubling in GF(2^128), as CMAC's subkeys are made (NIST SP 800-38B).
Block doubled(const Block& block) {
  Block twice{};
  unsigned carry = 0;
  for (std::size_t i = block_bytes; i-- > 0;) {
    const unsigned value = std::to_integer<unsigned>(block[i]) << 1 | carry;
    twice[i] = static_cast<std::byte>(value & 0xff);
    carry = value >> 8;
  }
  if (carry != 0) twice[block_bytes - 1] ^= std::byte{0x87};
  return twice;
}

void feed(EVP_CIPHER_CTX* context, unsigned char* into, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min<std::size_t>(bytes.size(), bytes_max));
    int done = 0;
    RESTORED_CHECK(EVP_CipherUpdate(context, into, &done, raw(part), static_cast<int>(part.size())),
                   "a stream cipher takes any bytes");
    if (into != nullptr) into += done;
    bytes = bytes.subspan(part.size());
  }
}

}  // namespace

Nonce random_nonce() {
  Nonce nonce{};
  fill_random(nonce);
  return nonce;
}

struct Box::State {
  Context block = make_context(aes_256_ecb());
  Context gcm = make_context(aes_256_gcm());
  Block subkey{};

  explicit State(const Key& key) {
    RESTORED_CHECK(EVP_CipherInit_ex2(block.get(), nullptr, raw(key.bytes()), nullptr, 1, nullptr),
                   "a key of 32 bytes");
    EVP_CIPHER_CTX_set_padding(block.get(), 0);
    Block zero{};
    encrypt(zero);
    subkey = doubled(zero);
    OPENSSL_cleanse(zero.data(), zero.size());
  }
  ~State() { OPENSSL_cleanse(subkey.data(), subkey.size()); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void encrypt(std::span<std::byte> blocks) {
    int done = 0;
    RESTORED_CHECK(EVP_CipherUpdate(block.get(), raw(blocks), &done, raw(std::as_const(blocks)),
                                    static_cast<int>(blocks.size())),
                   "whole blocks");
  }

  // Sets the message's own key and nonce.
  void begin(const Nonce& nonce, bool sealing) {
    std::array<std::byte, 2 * block_bytes> key{};
    for (std::size_t i = 0; i < 2; ++i) {
      const auto counter = std::span(key).subspan(i * block_bytes, block_bytes);
      counter[1] = static_cast<std::byte>(i + 1);
      counter[2] = std::byte{'X'};
      std::ranges::copy(std::span(nonce).first(half), counter.subspan(4).begin());
      for (std::size_t at = 0; at < block_bytes; ++at) counter[at] ^= subkey[at];
    }
    encrypt(key);
    RESTORED_CHECK(EVP_CipherInit_ex2(gcm.get(), nullptr, raw(std::as_const(key)),
                                      raw(std::span(nonce).last(half)), sealing ? 1 : 0, nullptr),
                   "a key of 32 bytes and a nonce of 12");
    OPENSSL_cleanse(key.data(), key.size());
  }
};

Box::Box(const Key& key) : state_(std::make_unique<State>(key)) {}
Box::Box(Box&&) noexcept = default;
Box& Box::operator=(Box&&) noexcept = default;
Box::~Box() = default;

void Box::seal_with(const Nonce& nonce, std::span<const std::byte> bound,
                    std::span<const std::byte> content, std::span<std::byte> ciphertext,
                    std::span<std::byte, tag_bytes> tag) {
  RESTORED_CHECK(ciphertext.size() == content.size(), "a ciphertext has its content's size");
  EVP_CIPHER_CTX* const gcm = state_->gcm.get();
  state_->begin(nonce, true);
  feed(gcm, nullptr, bound);
  feed(gcm, raw(ciphertext), content);
  std::array<unsigned char, block_bytes> rest{};
  int done = 0;
  RESTORED_CHECK(EVP_CipherFinal_ex(gcm, rest.data(), &done) && done == 0 &&
                     EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, tag_bytes, tag.data()),
                 "what is sealed has a tag");
}

bool Box::open_with(const Nonce& nonce, std::span<const std::byte> bound,
                    std::span<const std::byte> ciphertext,
                    std::span<const std::byte, tag_bytes> tag, std::span<std::byte> into) {
  RESTORED_CHECK(ciphertext.size() == into.size(), "a ciphertext has its content's size");
  EVP_CIPHER_CTX* const gcm = state_->gcm.get();
  state_->begin(nonce, false);
  feed(gcm, nullptr, bound);
  feed(gcm, raw(into), ciphertext);
  std::array<std::byte, tag_bytes> expected{};
  std::ranges::copy(tag, expected.begin());
  RESTORED_CHECK(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, tag_bytes, expected.data()),
                 "a tag of 16 bytes");
  std::array<unsigned char, block_bytes> rest{};
  int done = 0;
  return EVP_CipherFinal_ex(gcm, rest.data(), &done) == 1;
}

void Box::seal(std::span<const std::byte> bound, std::span<const std::byte> content,
               std::span<std::byte> into) {
  RESTORED_CHECK(into.size() == content.size() + overhead_bytes, "room for nonce and tag");
  const Nonce nonce = random_nonce();
  std::ranges::copy(nonce, into.begin());
  seal_with(nonce, bound, content, into.subspan(nonce_bytes, content.size()),
            into.last<tag_bytes>());
}

bool Box::open(std::span<const std::byte> bound, std::span<const std::byte> sealed,
               std::span<std::byte> into) {
  RESTORED_CHECK(sealed.size() == into.size() + overhead_bytes, "content, nonce and tag");
  Nonce nonce{};
  std::ranges::copy(sealed.first(nonce_bytes), nonce.begin());
  return open_with(nonce, bound, sealed.subspan(nonce_bytes, into.size()), sealed.last<tag_bytes>(),
                   into);
}

}  // namespace restored::seal
