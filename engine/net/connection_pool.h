// Connections to one server that served a request and wait for the next one. The last one put in is
// the first one taken out, so that those nobody needs any more grow old and are closed.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <chrono>
#include <deque>
#include <memory>

#include "base/mutex.h"
#include "net/patience.h"
#include "net/stream.h"

namespace restored::net {

class ConnectionPool {
 public:
  ConnectionPool(std::chrono::seconds idle, std::size_t connections_max)
      : idle_(idle), connections_max_(connections_max) {}

  // One that is still open and has nothing to say; null: there is none. Closes those that were idle
  // for too long.
  std::unique_ptr<Stream> take();
  // Closes it when there are enough.
  void give(std::unique_ptr<Stream> stream);

 private:
  struct Idle {
    std::unique_ptr<Stream> stream;
    Time since;
  };
  // Closing may say goodbye to the peer: not done under the lock.
  std::deque<Idle> expired() REQUIRES_LOCK(mutex_);

  const std::chrono::seconds idle_;
  const std::size_t connections_max_;
  Mutex mutex_;
  std::deque<Idle> connections_ GUARDED_BY(mutex_);  // oldest first
};

}  // namespace restored::net
