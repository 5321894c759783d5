// What the connections tell of themselves, for CLIENT LIST and CLIENT KILL, across threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "restored/ids.h"
#include "restored/units.h"

namespace restored::data {

struct CommandSpec;

// Threading: the connection writes, all threads read; atomics are relaxed, for they only inform.
struct ClientRecord {
  // Immutable once listed.
  std::uint64_t id = 0;
  std::string address;
  std::string local_address;
  int fd = -1;
  UnixMillis connected_at = 0;
  std::function<void()> close;  // from any thread: ends the connection soon

  std::atomic<UnixMillis> active_at{0};
  std::atomic<const CommandSpec*> command{nullptr};
  std::atomic<int> queued{-1};  // commands in MULTI, -1 outside
  std::atomic<int> protocol{2};
  std::atomic<bool> no_evict{false};
  std::atomic<bool> no_touch{false};
  std::atomic<std::size_t> input_bytes{0};
  std::atomic<std::size_t> input_free_bytes{0};
  std::atomic<std::size_t> queued_bytes{0};
  std::atomic<std::size_t> output_bytes{0};
  std::atomic<std::size_t> output_chunks{0};

  mutable Mutex mutex;
  std::string name GUARDED_BY(mutex);
  std::string library_name GUARDED_BY(mutex);
  std::string library_version GUARDED_BY(mutex);
  DatabaseId database GUARDED_BY(mutex);  // empty: not authenticated

  std::string name_now() const {
    const MutexLock lock(mutex);
    return name;
  }
  DatabaseId database_now() const {
    const MutexLock lock(mutex);
    return database;
  }
};

// Threading: all methods may be called from any thread at once.
class ClientList {
 public:
  std::uint64_t next_id() { return next_id_.fetch_add(1); }
  void add(std::shared_ptr<ClientRecord> record);
  void remove(std::uint64_t id);
  std::size_t count() const;
  // By id. Clients of other databases are nobody's business.
  std::vector<std::shared_ptr<ClientRecord>> of_database(const DatabaseId& database) const;

 private:
  std::atomic<std::uint64_t> next_id_{1};
  mutable Mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<ClientRecord>> records_ GUARDED_BY(mutex_);
};

}  // namespace restored::data
