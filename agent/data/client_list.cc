#include "data/client_list.h"

#include <utility>

namespace restored::data {

void ClientList::add(std::shared_ptr<ClientRecord> record) {
  const MutexLock lock(mutex_);
  records_.emplace(record->id, std::move(record));
}

void ClientList::remove(std::uint64_t id) {
  const MutexLock lock(mutex_);
  records_.erase(id);
}

std::size_t ClientList::count() const {
  const MutexLock lock(mutex_);
  return records_.size();
}

std::vector<std::shared_ptr<ClientRecord>> ClientList::of_database(
    const DatabaseId& database) const {
  std::vector<std::shared_ptr<ClientRecord>> matching;
  const MutexLock lock(mutex_);
  for (const auto& [id, record] : records_) {
    if (record->database_now() == database) matching.push_back(record);
  }
  return matching;
}

}  // namespace restored::data
