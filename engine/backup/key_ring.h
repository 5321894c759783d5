// The keys that an agent has for its repository: wrapping keys, which the operator gives it, and
// the data keys that they open, each read from the repository once. See "Encryption" in
// format/FORMAT.md.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "format/data_key.h"
#include "restored/error.h"
#include "restored/object_store.h"

namespace restored::backup {

// Threading: all methods may be called from any thread at once. Data keys stay valid for as long as
// the ring does.
class KeyRing {
 public:
  // The first key wraps, all of them open; without any, nothing is encrypted.
  explicit KeyRing(std::vector<format::WrappingKey> keys = {}, bool accept_unencrypted = false)
      : keys_(std::move(keys)), accept_unencrypted_(accept_unencrypted) {}
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;
  static const KeyRing& without_keys();

  bool encrypts() const { return !keys_.empty(); }
  bool accepts_unencrypted() const { return keys_.empty() || accept_unencrypted_; }
  std::span<const format::WrappingKey> wrapping_keys() const { return keys_; }

  // A new data key. When it returns the repository has it, wrapped, and it was read back.
  // Errors: store errors, corruption. REQUIRES: encrypts().
  Result<const format::DataKey*> make(ObjectStore& store, const StoreCall& call) const;
  // Errors: encryption_key_missing (no keys at all), encryption_key_unknown (none that opens it),
  // corruption (what should hold it does not), store errors.
  Result<const format::DataKey*> find(ObjectStore& store, const std::string& id,
                                      const StoreCall& call) const;

 private:
  const format::DataKey* keep(format::DataKey key) const;

  const std::vector<format::WrappingKey> keys_;
  const bool accept_unencrypted_;
  mutable Mutex mutex_;
  mutable std::map<std::string, std::unique_ptr<const format::DataKey>> data_keys_
      GUARDED_BY(mutex_);
};

// Wraps the data key with one of the ring's keys, stores that and a second copy, and sees that both
// can be read back.
Result<void> store_wrapped(ObjectStore& store, const format::WrappingKey& wrapping,
                           const format::DataKey& data_key, const StoreCall& call);
// Of the first copy or, when that is missing, forbidden or damaged, of the second, with a warning.
// Errors: object_not_found, corruption, store errors.
Result<format::DataKey> read_wrapped(ObjectStore& store, const format::WrappingKey& wrapping,
                                     const std::string& data_key_id, const StoreCall& call);
// Both copies are there and whole. Errors: as read_wrapped(), of either.
Result<void> check_wrapped(ObjectStore& store, const format::WrappingKey& wrapping,
                           const std::string& data_key_id, const StoreCall& call);

}  // namespace restored::backup
