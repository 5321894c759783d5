// Object storage as the engine sees it: immutable objects under keys. Drivers live in
// engine/store, one file each; behaviour (retry, throttle) is added by wrapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "restored/error.h"

namespace restored {

struct ObjectInfo {
  std::string key;  // relative to the repository's prefix, '/' separated
  std::uint64_t size_bytes = 0;
  std::int64_t modified_unix_millis = 0;
};

// An object being written. Not visible under its key before commit() succeeded; without a commit
// the destructor removes what was written. One thread at a time.
class ObjectUpload {
 public:
  virtual ~ObjectUpload() = default;
  virtual Result<void> append(std::span<const std::byte> bytes) = 0;
  // Durable when it returns: file and directory synced, or the store's own acknowledgement.
  virtual Result<void> commit() = 0;
};

// Threading: all methods may be called from any thread at once. They block; each takes a stop
// token and returns ErrorCode::cancelled soon after it is triggered.
// Keys are segments of [A-Za-z0-9._-] joined by '/', none empty or beginning with a dot.
// Errors: invalid_argument (not a key), object_not_found, store_permission_denied,
// object_store_unavailable (after the retries of the decorator, where there is one; or the whole
// repository is missing), corruption (an object shorter than asked), no_space, io_error, cancelled.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // For people: "file:///srv/backups". Never holds a secret.
  virtual std::string url() const = 0;

  virtual Result<ObjectInfo> stat(std::string_view key, std::stop_token stop) = 0;

  // Fills `into` with the bytes at [offset, offset + into.size()): all of them, or an error.
  // An offset and a buffer both aligned to limits::io_alignment avoid a copy and the page cache
  // where the driver can: so widen large reads to that, within the object.
  virtual Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                            std::stop_token stop) = 0;

  // A whole small object; corruption when it is larger than bytes_max.
  virtual Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                                  std::stop_token stop) = 0;

  // A whole small object, replaced atomically if it exists; durable when it returns.
  virtual Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                           std::stop_token stop) = 0;

  virtual Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key,
                                                       std::stop_token stop) = 0;

  // Missing objects are not an error.
  virtual Result<void> remove(std::string_view key, std::stop_token stop) = 0;

  // Calls visit for each object whose key begins with prefix, in key order, until it returns
  // false. Not used by a restore.
  virtual Result<void> list(std::string_view prefix,
                            const std::function<bool(const ObjectInfo&)>& visit,
                            std::stop_token stop) = 0;
};

}  // namespace restored
