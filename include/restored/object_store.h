// Object storage as the engine sees it: immutable objects under keys. Drivers live in
// engine/store, one file each; behaviour (retry, throttle) is added by wrapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "restored/error.h"
#include "restored/store_call.h"

namespace restored {

struct ObjectInfo {
  std::string key;  // relative to the repository's prefix, '/' separated
  std::uint64_t size_bytes = 0;
  std::int64_t modified_unix_millis = 0;
};

// What an upload does with an object that another writer has put under its key.
enum class IfExists : std::uint8_t {
  keep,     // commit() fails
  replace,  // at once: who reads the key sees the old object or the new one, whole
};

// An object being written. Not visible under its key before commit() succeeded. One thread at a
// time; the call that began it outlives it.
class ObjectUpload {
 public:
  // Never waits for a network. What was neither committed nor abandoned is removed as a stale
  // upload, later.
  virtual ~ObjectUpload() = default;
  // REQUIRES: at least limits::upload_part_bytes_min: it becomes a part of the object.
  virtual Result<void> append(std::span<const std::byte> bytes) = 0;
  // The last bytes, of any number (all of them, for an object that is small). Durable when it
  // returns: file and directory synced, or the store's own acknowledgement, and as long as it
  // should be. Errors: object_exists, with IfExists::keep, when another writer was first.
  virtual Result<void> commit(std::span<const std::byte> last) = 0;
  // Removes what was written, as far as that takes no more than a second. Nothing may follow.
  virtual void abandon() noexcept = 0;
};

// Who may end a turn.
class ReadTurns {
 public:
  virtual ~ReadTurns() = default;
  virtual void end_turn() noexcept = 0;
};

// Permission to have one more large read in flight; move-only, its destructor gives it back.
class ReadTurn {
 public:
  ReadTurn() = default;
  explicit ReadTurn(ReadTurns& turns) : turns_(&turns) {}
  ReadTurn(ReadTurn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
  ReadTurn& operator=(ReadTurn&& other) noexcept {
    if (this != &other) {
      release();
      turns_ = std::exchange(other.turns_, nullptr);
    }
    return *this;
  }
  ~ReadTurn() { release(); }
  void release() noexcept {
    if (ReadTurns* turns = std::exchange(turns_, nullptr)) turns->end_turn();
  }

 private:
  ReadTurns* turns_ = nullptr;
};

// Threading: all methods may be called from any thread at once. They block; each returns
// ErrorCode::cancelled within a second after its call's stop token was triggered.
// Keys are segments of [A-Za-z0-9._-] joined by '/', none empty or beginning with a dot.
// Errors: invalid_argument (not a key), object_not_found, store_permission_denied,
// store_misconfigured (no such bucket, name or region, a certificate that is not trusted),
// object_store_unavailable (after the driver's retries; or the whole repository is missing),
// object_changed, corruption (an object shorter than asked), no_space, io_error, cancelled.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // For people: "file:///srv/backups". Never holds a secret.
  virtual std::string url() const = 0;

  virtual Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) = 0;

  // How many large reads at once, and uploads at once, are worth a thread each.
  virtual unsigned reads_max() const { return 4; }
  virtual unsigned writes_max() const { return 0; }  // 0: one a core
  // Waits for a turn: taken before the memory of a large read, given back when it is done. How many
  // there are at once is the driver's to say. Errors: cancelled.
  virtual Result<ReadTurn> read_turn(const StoreCall&) { return ReadTurn(); }

  // Fills `into` with the bytes at [offset, offset + into.size()): all of them, or an error.
  // An offset and a buffer both aligned to limits::io_alignment avoid a copy and the page cache
  // where the driver can: so widen large reads to that, within the object.
  virtual Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                            const StoreCall& call) = 0;

  // A whole small object; corruption when it is larger than bytes_max.
  virtual Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                                  const StoreCall& call) = 0;

  // A whole small object, replaced atomically if it exists; durable when it returns.
  virtual Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                           const StoreCall& call) = 0;

  virtual Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                                       IfExists if_exists) = 0;

  // Missing objects are not an error.
  virtual Result<void> remove(std::string_view key, const StoreCall& call) = 0;

  // What is under these keys now stays so over a power loss, and what is missing stays missing,
  // whoever wrote or removed it: somebody who was killed half way may have left a name that is seen
  // and not durable. To be called before anybody is told of what was found.
  virtual Result<void> settle(std::span<const std::string> keys, const StoreCall& call) = 0;

  // Removes what uploads that never ended have left, when they began more than `age_seconds` ago
  // (in the store's time), and says how many. Not used by a restore.
  virtual Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                                     const StoreCall& call) = 0;

  // Calls visit for each object whose key begins with prefix, in key order, until it returns
  // false. Not used by a restore.
  virtual Result<void> list(std::string_view prefix,
                            const std::function<bool(const ObjectInfo&)>& visit,
                            const StoreCall& call) = 0;
};

}  // namespace restored
