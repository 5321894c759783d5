#include "store/http_date.h"

#include <ctime>
#include <string>

namespace restored::store {

UnixMillis parse_http_date(std::string_view text) {
  const std::string terminated(text);
  std::tm parts{};
  const char* const end = ::strptime(terminated.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || end != terminated.c_str() + terminated.size()) return 0;
  const std::tm told = parts;
  const std::time_t seconds = ::timegm(&parts);
  // It takes February 31 for a day of March, and a second 60 for the next minute's first.
  if (parts.tm_mday != told.tm_mday || parts.tm_sec != told.tm_sec) return 0;
  return static_cast<UnixMillis>(seconds) * 1000;
}

}  // namespace restored::store
