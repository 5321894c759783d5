// The keys of an encrypted repository. See "Encryption" in FORMAT.md beside this file.
// Threading: like values; const methods from any thread at once.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "seal/key.h"

namespace restored::format {

// What a repository's objects and documents are sealed with. It never changes; it is stored only
// as what wrapping keys have made of it.
class DataKey {
 public:
  explicit DataKey(seal::Key key)
      : key_(std::move(key)),
        id_(key_.fingerprint("restored data key: id")),
        objects_(key_.derive("restored data key: objects")),
        documents_(key_.derive("restored data key: documents")),
        contents_(key_.derive("restored data key: contents")) {}

  const std::string& id() const { return id_; }              // 32 hexadecimal digits
  const seal::Key& objects() const { return objects_; }      // frames and seek tables
  const seal::Key& documents() const { return documents_; }  // documents and frame indexes
  const seal::Key& contents() const { return contents_; }    // what content ids are made with
  const seal::Key& secret() const { return key_; }           // to be wrapped, and nothing else

 private:
  seal::Key key_;
  std::string id_;
  seal::Key objects_;
  seal::Key documents_;
  seal::Key contents_;
};

// The operator's key, which wraps data keys (a key-encryption key).
class WrappingKey {
 public:
  explicit WrappingKey(seal::Key key)
      : id_(key.fingerprint("restored wrapping key: id")),
        wrapping_(key.derive("restored wrapping key: wrap")) {}

  const std::string& id() const { return id_; }
  const seal::Key& wrapping() const { return wrapping_; }

 private:
  std::string id_;
  seal::Key wrapping_;
};

// Whether that could be a key's id.
bool valid_key_id(std::string_view id);

}  // namespace restored::format
