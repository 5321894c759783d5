// A repository's documents, sealed or not, as its keys demand: the one place that decides what is
// believed. See "Encryption" in format/FORMAT.md.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "backup/documents.h"
#include "backup/key_ring.h"
#include "format/sealed.h"
#include "restored/error.h"
#include "restored/object_store.h"

namespace restored::backup {

class SealedDocuments {
 public:
  // References and data_key outlive it. data_key: what is written is sealed with it; null: nothing.
  SealedDocuments(ObjectStore& store, const KeyRing& keys, std::string repository_id,
                  const format::DataKey* data_key)
      : store_(store), keys_(keys), repository_id_(std::move(repository_id)), data_key_(data_key) {}

  const std::string& repository_id() const { return repository_id_; }
  const format::DataKey* data_key() const { return data_key_; }
  const KeyRing& keys() const { return keys_; }

  // What was sealed, and with which key; without a key the bytes are the document themselves.
  struct Opened {
    std::string document;
    const format::DataKey* key = nullptr;
  };
  // Errors: corruption, unencrypted_refused, encryption_key_missing, encryption_key_unknown, store
  // errors.
  Result<Opened> open(std::string_view kind, const std::string& key, std::string_view bytes,
                      const StoreCall& call) const;
  std::string seal(std::string_view kind, const std::string& key, std::string document) const;

  // decode(document, sealed_with) makes it what it is. Read again as read_document() does.
  template <class Decode>
  auto read(std::string_view kind, const std::string& key, std::uint64_t bytes_max,
            const StoreCall& call, const Decode& decode) const
      -> decltype(decode(std::string_view(), nullptr)) {
    const auto opened =
        [&](std::string_view bytes) -> decltype(decode(std::string_view(), nullptr)) {
      RESTORED_TRY(const Opened found, open(kind, key, bytes, call));
      return decode(found.key == nullptr ? bytes : std::string_view(found.document), found.key);
    };
    return read_document(store_, key, bytes_max + format::sealing_bytes_max, call, opened);
  }
  Result<void> write(std::string_view kind, const std::string& key, std::string document,
                     const StoreCall& call) const {
    return store_.put(key, bytes_of(seal(kind, key, std::move(document))), call);
  }

  format::Place place(std::string_view kind, const std::string& key) const;

 private:
  ObjectStore& store_;
  const KeyRing& keys_;
  const std::string repository_id_;
  const format::DataKey* const data_key_;
};

// Whether a document cannot be read for want of a key, or because it is not encrypted.
inline bool about_keys(ErrorCode code) {
  return code == ErrorCode::encryption_key_missing || code == ErrorCode::encryption_key_unknown ||
         code == ErrorCode::unencrypted_refused;
}

}  // namespace restored::backup
