#include "net/connection_pool.h"

#include <utility>

namespace restored::net {

std::deque<ConnectionPool::Idle> ConnectionPool::expired() {
  std::deque<Idle> old;
  const Time before = now() - idle_;
  while (!connections_.empty() && connections_.front().since < before) {
    old.push_back(std::move(connections_.front()));
    connections_.pop_front();
  }
  return old;
}

std::unique_ptr<Stream> ConnectionPool::take() {
  for (;;) {
    std::deque<Idle> old;  // outlives the lock, as `stream` does
    std::unique_ptr<Stream> stream;
    {
      const MutexLock lock(mutex_);
      old = expired();
      if (connections_.empty()) return nullptr;
      stream = std::move(connections_.back().stream);
      connections_.pop_back();
    }
    if (stream->quiet()) return stream;
  }
}

void ConnectionPool::give(std::unique_ptr<Stream> stream) {
  std::deque<Idle> old;  // outlives the lock, as `stream` does
  const MutexLock lock(mutex_);
  old = expired();
  if (connections_.size() < connections_max_) connections_.push_back({std::move(stream), now()});
}

}  // namespace restored::net
