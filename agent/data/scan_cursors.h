// SCAN cursors of one database: a bounded table from the number that a client holds to the last
// key that it was given. Keys only, so a cursor pins no generation and survives a swap.
//
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "restored/limits.h"

namespace restored::data {

class ScanCursors {
 public:
  explicit ScanCursors(std::size_t cursors_max = limits::scan_cursors_max);

  // A number that is never 0. `previous` is the cursor that this one continues (0: none). A cursor
  // stays valid until its successor was used, so that a client may repeat a call whose answer it
  // lost. The longest unused ones are forgotten first.
  std::uint64_t remember(std::string last_key, std::uint64_t previous);
  std::optional<std::string> last_key(std::uint64_t cursor);

 private:
  static constexpr std::size_t key_bytes_max = 64 * 1024 * 1024;  // of all of them

  struct Entry {
    std::uint64_t cursor;
    std::uint64_t previous;
    std::string last_key;
  };
  using Entries = std::list<Entry>;

  void forget(std::uint64_t cursor) REQUIRES_LOCK(mutex_);

  const std::size_t cursors_max_;
  Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);  // longest unused first
  std::unordered_map<std::uint64_t, Entries::iterator> by_cursor_ GUARDED_BY(mutex_);
  std::size_t key_bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t next_ GUARDED_BY(mutex_);
};

}  // namespace restored::data
