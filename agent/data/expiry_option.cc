#include "data/expiry_option.h"

#include <limits>
#include <string>

namespace restored::data {

void invalid_expiry(Call& call) {
  call.reply.error("ERR invalid expire time in '" + std::string(call.spec.name) + "' command");
}

std::optional<UnixMillis> expiry_moment(Call& call, std::size_t index, ExpiryUnit unit,
                                        ExpiryBase base) {
  std::int64_t time = 0;
  if (!call.integer(index, time)) return std::nullopt;
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::int64_t scale = unit == ExpiryUnit::seconds ? 1000 : 1;
  const std::int64_t origin = base == ExpiryBase::now ? call.now : 0;
  if (time <= 0 || time > most / scale || time * scale > most - origin) {
    invalid_expiry(call);
    return std::nullopt;
  }
  return time * scale + origin;
}

}  // namespace restored::data
