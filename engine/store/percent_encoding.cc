#include "store/percent_encoding.h"

#include "base/hex.h"

namespace restored::store {

std::expected<std::string, std::string_view> percent_decoded(std::string_view text, PlusIs plus) {
  std::string decoded;
  while (!text.empty()) {
    if (text.front() == '%') {
      const auto byte = text.size() < 3 ? std::nullopt : from_hex(text.substr(1, 2));
      if (!byte) return std::unexpected(text.substr(0, 3));
      decoded += *byte;
      text.remove_prefix(3);
      continue;
    }
    decoded += text.front() == '+' && plus == PlusIs::space ? ' ' : text.front();
    text.remove_prefix(1);
  }
  return decoded;
}

}  // namespace restored::store
