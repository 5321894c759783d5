// Names to addresses. getaddrinfo() blocks for as long as it likes, so it has a thread of its own,
// and who needs its answer waits only until told to stop or out of time.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "net/patience.h"
#include "net/tcp_stream.h"

namespace restored::net {

class NameResolver {
 public:
  using Found = std::expected<std::vector<Address>, Failure>;
  using Lookup = std::function<Found(const std::string& host, std::uint16_t port)>;

  static Lookup system_lookup();  // getaddrinfo()

  // Addresses, and "localhost", need no lookup and no thread.
  NameResolver(std::string host, std::uint16_t port, Lookup lookup = system_lookup(),
               const Clock& clock = system_clock());
  // Waits for the lookup that is under way, if there is one: it cannot be interrupted.
  ~NameResolver() = default;
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  // At least one address. An answer is believed for limits::store_name_seconds; after that the old
  // one still stands while the resolver is out of order, or slow to say so. Kinds: name_unknown,
  // name_unavailable, cancelled.
  Found get(const std::stop_token& stop, Time until);

 private:
  void run(const std::stop_token& stop);
  bool fresh() const REQUIRES_LOCK(mutex_);

  const std::string host_;
  const std::uint16_t port_;
  const Lookup lookup_;
  const Clock& clock_;
  const std::vector<Address> fixed_;

  Mutex mutex_;
  ConditionVariable changed_;
  bool wanted_ GUARDED_BY(mutex_) = false;
  Time wanted_since_ GUARDED_BY(mutex_);
  std::uint64_t lookups_ GUARDED_BY(mutex_) = 0;       // that ended
  std::optional<Failure> failure_ GUARDED_BY(mutex_);  // of the last one
  std::vector<Address> addresses_ GUARDED_BY(mutex_);
  Time believed_until_ GUARDED_BY(mutex_);
  std::jthread thread_ GUARDED_BY(mutex_);  // last: it uses the others
};

}  // namespace restored::net
