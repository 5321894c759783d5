// Which of a server's addresses to try first: another one for each connection, so that all of its
// machines get their share, and last those that did not answer lately.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "net/patience.h"
#include "net/tcp_stream.h"

namespace restored::net {

class AddressChoice {
 public:
  std::vector<Address> order(std::vector<Address> addresses);
  // Remembered for limits::store_name_seconds.
  void failed(const Address& address);

 private:
  Mutex mutex_;
  std::size_t next_ GUARDED_BY(mutex_) = 0;
  std::vector<std::pair<Address, Time>> failed_ GUARDED_BY(mutex_);
};

}  // namespace restored::net
