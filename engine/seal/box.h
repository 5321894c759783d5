// Authenticated encryption with XAES-256-GCM (https://c2sp.org/XAES-256-GCM): AES-256-GCM under a
// key that is derived for each message from half of a 192-bit nonce. Nonces can be random for as
// many messages as there will ever be, whoever writes them on however many hosts, and each message
// opens alone.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "seal/key.h"

namespace restored::seal {

inline constexpr std::size_t nonce_bytes = 24;
inline constexpr std::size_t tag_bytes = 16;
// What a sealed message is longer than its content: nonce, ciphertext, tag.
inline constexpr std::size_t overhead_bytes = nonce_bytes + tag_bytes;
using Nonce = std::array<std::byte, nonce_bytes>;

Nonce random_nonce();

// Threading: one thread at a time; keep one per thread.
class Box {
 public:
  explicit Box(const Key& key);
  Box(Box&&) noexcept;
  Box& operator=(Box&&) noexcept;
  ~Box();

  // nonce | ciphertext | tag, under a random nonce. REQUIRES: into is overhead_bytes longer than
  // content, which may stand in it already, at nonce_bytes.
  void seal(std::span<const std::byte> bound, std::span<const std::byte> content,
            std::span<std::byte> into);
  // False: not sealed with this key and bound to this, or changed since; `into` is then scratch.
  // REQUIRES: into is overhead_bytes shorter than sealed.
  [[nodiscard]] bool open(std::span<const std::byte> bound, std::span<const std::byte> sealed,
                          std::span<std::byte> into);

  // The same with a nonce that the caller keeps. REQUIRES: never used with this key before;
  // ciphertext has the content's size (and may be it).
  void seal_with(const Nonce& nonce, std::span<const std::byte> bound,
                 std::span<const std::byte> content, std::span<std::byte> ciphertext,
                 std::span<std::byte, tag_bytes> tag);
  [[nodiscard]] bool open_with(const Nonce& nonce, std::span<const std::byte> bound,
                               std::span<const std::byte> ciphertext,
                               std::span<const std::byte, tag_bytes> tag,
                               std::span<std::byte> into);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace restored::seal
