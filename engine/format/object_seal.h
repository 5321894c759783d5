// How the frames of one object are sealed: each is encrypted and authenticated on its own, bound to
// the content that the object is named after and to its position in it. See "Encryption" in
// FORMAT.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "format/data_key.h"
#include "format/frame.h"
#include "seal/box.h"

namespace restored::format {

// What a frame of an object is sealed or opened with; keeps the last key's context.
// Threading: one thread at a time; keep one per thread.
class FrameBox {
 public:
  // In place of a guard: nonce | ciphertext | tag, seal::overhead_bytes longer than `compressed`,
  // which may stand in `into` already, at seal::nonce_bytes.
  void seal(const ObjectSeal& object, std::uint64_t position, std::uint64_t content_bytes,
            std::span<const std::byte> compressed, std::span<std::byte> into);
  [[nodiscard]] bool open(const ObjectSeal& object, std::uint64_t position,
                          std::uint64_t content_bytes, std::span<const std::byte> stored,
                          std::span<std::byte> into);

 private:
  seal::Box& box_of(const DataKey& key);

  std::string key_id_;
  std::optional<seal::Box> box_;
};

// The seek table's entries, sealed; as long as a table of version 1 is.
std::string seal_table(const ObjectSeal& object, std::span<const std::byte> entries);
// The entries; nothing when they are not what was sealed. REQUIRES: whole entries fit the tail.
std::optional<std::string> open_table(const ObjectSeal& object, std::span<const std::byte> tail);

}  // namespace restored::format
