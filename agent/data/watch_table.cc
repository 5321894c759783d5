#include "data/watch_table.h"

#include <algorithm>

#include "base/check.h"

namespace restored::data {

void Watch::add(WatchTable& table, std::string_view key, GenerationNumber generation) {
  RESTORED_CHECK(table_ == nullptr || table_ == &table, "a connection watches one database");
  if (table_ == nullptr) {
    table_ = &table;
    generation_ = generation;
  }
  saw_generation(generation);
  if (!keys_.emplace(key).second) return;
  bytes_ += bytes_of(key);
  table.add(key, &dirty_);
}

void Watch::note_expiry(UnixMillis expires_at) {
  first_expiry_ = std::min(first_expiry_.value_or(expires_at), expires_at);
}

// An undo brings back a number that was live before, so comparing numbers at EXEC alone would
// miss a client that read from the generation in between.
void Watch::saw_generation(GenerationNumber generation) {
  if (active() && generation != generation_) spoil();
}

bool Watch::dirty_at(UnixMillis now, GenerationNumber generation) const {
  if (!active()) return dirty();
  return dirty() || generation != generation_ || (first_expiry_ && *first_expiry_ <= now);
}

void Watch::clear() {
  if (table_ != nullptr) {
    for (const std::string& key : keys_) table_->remove(key, &dirty_);
  }
  table_ = nullptr;
  keys_.clear();
  bytes_ = 0;
  first_expiry_.reset();
  dirty_.store(false);
}

void WatchTable::add(std::string_view key, std::atomic<bool>* flag) {
  Shard& home = shard(key);
  const MutexLock lock(home.mutex);
  auto found = home.flags.find(key);
  if (found == home.flags.end()) found = home.flags.try_emplace(std::string(key)).first;
  found->second.push_back(flag);
  watched_.fetch_add(1);
}

void WatchTable::remove(std::string_view key, std::atomic<bool>* flag) {
  Shard& home = shard(key);
  const MutexLock lock(home.mutex);
  const auto found = home.flags.find(key);
  RESTORED_CHECK(found != home.flags.end(), "a watched key is listed");
  auto& flags = found->second;
  const auto mine = std::find(flags.begin(), flags.end(), flag);
  RESTORED_CHECK(mine != flags.end(), "a watcher is listed at its key");
  flags.erase(mine);
  if (flags.empty()) home.flags.erase(found);
  watched_.fetch_sub(1);
}

void WatchTable::touch(std::string_view key) {
  // Either this load sees the watcher, or the watcher, who reads the key only after it counted
  // itself, sees the write: the fence is the partner of the fetch_add in add().
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (watched_.load() == 0) return;
  Shard& home = shard(key);
  const MutexLock lock(home.mutex);
  const auto found = home.flags.find(key);
  if (found == home.flags.end()) return;
  for (std::atomic<bool>* flag : found->second) flag->store(true);
}

}  // namespace restored::data
