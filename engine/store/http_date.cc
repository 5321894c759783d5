#include "store/http_date.h"

#include <ctime>
#include <string>

namespace restored::store {

UnixMillis parse_http_date(std::string_view text) {
  const std::string terminated(text);
  std::tm parts{};
  if (::strptime(terminated.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return 0;
  return static_cast<UnixMillis>(::timegm(&parts)) * 1000;
}

}  // namespace restored::store
