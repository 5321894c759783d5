// A reply as a tree, for comparisons that forgive the order of a set.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace restored::test {

struct RespValue {
  char kind = 0;  // '+', '-', ':', '$', '*', '~', '%', '=', '_'
  std::string text;
  std::vector<RespValue> children;  // of a map: key, value, key, value

  bool operator==(const RespValue&) const = default;
  // Of a map (or the array that stands for one); null when there is none.
  const RespValue* at(std::string_view key) const;
  void erase(std::string_view key);
};

RespValue parse_reply(std::string_view bytes);
std::string print(const RespValue& value);
// Children of arrays and sets in the order of their text.
RespValue sorted(RespValue value);

}  // namespace restored::test
