// Which keys of a database are watched, exactly by key. A write flags every watcher of its keys
// after the write is visible and before it is acknowledged.
//
// Threading: all methods may be called from any thread at once; a Watch has one owner, but its
// flag is raised from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "restored/ids.h"
#include "restored/units.h"

namespace restored::data {

class WatchTable;

// What one connection watches. REQUIRES: cleared before its table goes.
class Watch {
 public:
  Watch() = default;
  ~Watch() { clear(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool active() const { return table_ != nullptr; }
  bool watches(std::string_view key) const { return keys_.contains(key); }
  // Held for the keys, here and in the table; and what one more would add.
  std::size_t bytes() const { return bytes_; }
  static std::size_t bytes_of(std::string_view key) { return 2 * key.size() + entry_bytes; }
  // Lists the key in the table: from now on a write to it raises the flag. Then the caller reads
  // the key's expiry and notes it. The first key fixes the generation.
  void add(WatchTable& table, std::string_view key, GenerationNumber generation);
  void note_expiry(UnixMillis expires_at);
  // A command of this connection saw this generation as the live one.
  void saw_generation(GenerationNumber generation);
  void spoil() { dirty_.store(true); }
  bool dirty() const { return dirty_.load(); }
  // Also true when a watched key has expired since.
  bool dirty_at(UnixMillis now, GenerationNumber generation) const;
  void clear();

 private:
  static constexpr std::size_t entry_bytes = 256;  // nodes of the set and the table, their strings

  WatchTable* table_ = nullptr;
  std::size_t bytes_ = 0;
  std::set<std::string, std::less<>> keys_;
  GenerationNumber generation_ = 0;
  std::optional<UnixMillis> first_expiry_;  // of the keys that had one when watched
  std::atomic<bool> dirty_{false};
};

class WatchTable {
 public:
  // REQUIRES: the write to `key` is visible to readers.
  void touch(std::string_view key);
  bool idle() const { return watched_.load() == 0; }

 private:
  friend class Watch;
  static constexpr std::size_t shard_count = 64;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };
  struct Shard {
    Mutex mutex;
    std::unordered_map<std::string, std::vector<std::atomic<bool>*>, Hash, std::equal_to<>> flags
        GUARDED_BY(mutex);
  };

  Shard& shard(std::string_view key) { return shards_[Hash{}(key) % shard_count]; }
  void add(std::string_view key, std::atomic<bool>* flag);
  void remove(std::string_view key, std::atomic<bool>* flag);

  std::atomic<std::size_t> watched_{0};  // entries of all shards
  std::array<Shard, shard_count> shards_;
};

}  // namespace restored::data
