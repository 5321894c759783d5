#include "net/address_choice.h"

#include <algorithm>

#include "restored/limits.h"

namespace restored::net {

std::vector<Address> AddressChoice::order(std::vector<Address> addresses) {
  if (addresses.size() < 2) return addresses;
  const MutexLock lock(mutex_);
  const auto first = static_cast<std::ptrdiff_t>(next_++ % addresses.size());
  std::ranges::rotate(addresses, addresses.begin() + first);
  const Time before = now() - std::chrono::seconds(limits::store_name_seconds);
  std::erase_if(failed_, [&](const auto& one) { return one.second < before; });
  std::vector<Address> ordered;
  std::vector<Address> last;
  for (const Address& address : addresses) {
    const auto known = std::ranges::find(failed_, address, &std::pair<Address, Time>::first);
    (known == failed_.end() ? ordered : last).push_back(address);
  }
  ordered.insert(ordered.end(), last.begin(), last.end());
  return ordered;
}

void AddressChoice::failed(const Address& address) {
  const MutexLock lock(mutex_);
  const auto known = std::ranges::find(failed_, address, &std::pair<Address, Time>::first);
  if (known == failed_.end()) {
    failed_.emplace_back(address, now());
  } else {
    known->second = now();
  }
}

}  // namespace restored::net
