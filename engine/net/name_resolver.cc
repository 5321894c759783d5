#include "net/name_resolver.h"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "restored/limits.h"

namespace restored::net {
namespace {

// For an answer newer than the one that there is. A resolver that works takes less; one that does
// not takes longer than anybody has to connect.
constexpr std::chrono::milliseconds renewal_time(500);

std::vector<Address> without_lookup(const std::string& host, std::uint16_t port) {
  // RFC 6761, 6.3: this name and those below it are this host, whatever a resolver says.
  if (host != "localhost" && !host.ends_with(".localhost")) return literal_address(host, port);
  std::vector<Address> both = literal_address("127.0.0.1", port);
  for (const Address& one : literal_address("::1", port)) both.push_back(one);
  return both;
}

Failure lookup_failure(int status, int error) {
  const bool unknown = status == EAI_NONAME || status == EAI_NODATA;
  const std::string why = status == EAI_SYSTEM ? errno_text(error) : ::gai_strerror(status);
  return {unknown ? Failure::Kind::name_unknown : Failure::Kind::name_unavailable,
          fmt::format("the name cannot be resolved: {}", why)};
}

NameResolver::Found look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) return std::unexpected(lookup_failure(status, errno));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    Address& address = addresses.emplace_back();
    std::memcpy(&address.socket, one->ai_addr, one->ai_addrlen);
    address.length = one->ai_addrlen;
  }
  return addresses;
}

}  // namespace

NameResolver::Lookup NameResolver::system_lookup() {
  return look_up;
}

NameResolver::NameResolver(std::string host, std::uint16_t port, Lookup lookup, const Clock& clock)
    : host_(std::move(host)),
      port_(port),
      lookup_(std::move(lookup)),
      clock_(clock),
      fixed_(without_lookup(host_, port)) {}

bool NameResolver::fresh() const {
  return !addresses_.empty() && clock_.monotonic() < believed_until_;
}

NameResolver::Found NameResolver::get(const std::stop_token& stop, Time until) {
  if (!fixed_.empty()) return fixed_;
  const MutexLock lock(mutex_);
  if (fresh()) return addresses_;
  if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& end) { run(end); });
  // The answer of a lookup that is already under way will do.
  const std::uint64_t before = lookups_;
  if (!std::exchange(wanted_, true)) {
    wanted_since_ = now();
    changed_.notify_all();
  }
  const bool old_will_do = !addresses_.empty();
  const Time end = old_will_do ? std::min(until, wanted_since_ + renewal_time) : until;
  const bool answered = changed_.wait_until(
      mutex_, stop, end, [&]() NO_THREAD_SAFETY_ANALYSIS { return lookups_ != before; });
  if (stop.stop_requested()) {
    return std::unexpected(Failure{Failure::Kind::cancelled, "cancelled while resolving the name"});
  }
  if (!answered && old_will_do) return addresses_;
  if (!answered) {
    return std::unexpected(
        Failure{Failure::Kind::name_unavailable, "timed out while resolving the name"});
  }
  if (failure_) return std::unexpected(*failure_);
  return addresses_;
}

void NameResolver::run(const std::stop_token& stop) {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      const bool asked =
          changed_.wait(mutex_, stop, [&]() NO_THREAD_SAFETY_ANALYSIS { return wanted_; });
      if (!asked || stop.stop_requested()) return;
    }
    Found found = std::unexpected(
        Failure{Failure::Kind::name_unavailable, "the name cannot be resolved: out of memory"});
    try {
      found = lookup_(host_, port_);
    } catch (...) {  // std::bad_alloc: a thread's boundary
    }
    const MutexLock lock(mutex_);
    wanted_ = false;
    ++lookups_;
    failure_.reset();
    if (found) {
      addresses_ = *std::move(found);
      believed_until_ = clock_.monotonic() + std::chrono::seconds(limits::store_name_seconds);
    } else if (addresses_.empty()) {
      failure_ = std::move(found).error();
    }  // a resolver that forgets a name for a moment must not end what runs: the old ones serve
    changed_.notify_all();
  }
}

}  // namespace restored::net
