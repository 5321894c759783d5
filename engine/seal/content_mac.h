// A keyed hash that is as fast as the processor's AES: GMAC (NIST SP 800-38D) of each part under
// one secret key and one nonce, which makes it a universal hash; then HMAC-SHA256 of those. Who
// does not know the key cannot make two contents that agree, nor tell what a result is of.
//
// The parts' hashes are secrets: one of them under a nonce that is used again gives the key away.
// They never leave this class.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "seal/kdf.h"
#include "seal/key.h"

namespace restored::seal {

// Threading: one thread at a time; keep one per thread.
class ContentMac {
 public:
  // Two keys are derived from it.
  explicit ContentMac(const Key& key);
  ContentMac(ContentMac&&) noexcept;
  ContentMac& operator=(ContentMac&&) noexcept;
  ~ContentMac();

  void begin();
  void add(std::span<const std::byte> part);
  // Of the parts since begin(), in their order, and of `bound`, which says how they were cut.
  Hash end(std::span<const std::byte> bound);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace restored::seal
