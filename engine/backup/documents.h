// Small objects that carry their own hash.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "restored/error.h"
#include "restored/limits.h"
#include "restored/object_store.h"

namespace restored::backup {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Errors: store errors.
Result<bool> object_exists(ObjectStore& store, const std::string& key, const StoreCall& call);

// What a document's decoder says of one that is not what was written.
inline bool damaged_document(const Error& error) {
  return error.code == ErrorCode::corruption || error.code == ErrorCode::unsupported_format;
}

inline bool missing_or_damaged(const Error& error) {
  return error.code == ErrorCode::object_not_found || damaged_document(error);
}

// What decode(bytes) makes of it. One that fails its own hash, or says that it is of a newer
// version or sealed with a key that nobody has, is read again: a bit that flipped on its way is no
// damage, wherever it stood. Errors: decode's, store errors.
template <class Decode>
auto read_document(ObjectStore& store, const std::string& key, std::uint64_t bytes_max,
                   const StoreCall& call, const Decode& decode)
    -> decltype(decode(std::string_view())) {
  const auto read = [&]() -> decltype(decode(std::string_view())) {
    RESTORED_TRY(const std::string bytes, store.get(key, bytes_max, call));
    return decode(std::string_view(bytes));
  };
  auto document = read();
  for (unsigned again = 0; again < limits::object_reads_again_max; ++again) {
    if (document || (!damaged_document(document.error()) &&
                     document.error().code != ErrorCode::encryption_key_unknown))
      break;
    document = read();
  }
  return document;
}

}  // namespace restored::backup
