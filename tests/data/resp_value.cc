#include "resp_value.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"

namespace restored::test {
namespace {

RespValue parse(std::string_view bytes, std::size_t& at) {
  RESTORED_CHECK(at < bytes.size(), "a whole reply was received");
  RespValue value;
  value.kind = bytes[at];
  const std::size_t end = bytes.find("\r\n", at);
  value.text = bytes.substr(at + 1, end - at - 1);
  at = end + 2;
  const long long count = std::atoll(value.text.c_str());
  if ((value.kind == '$' || value.kind == '=') && count >= 0) {
    value.text = bytes.substr(at, static_cast<std::size_t>(count));
    at += static_cast<std::size_t>(count) + 2;
  } else if (value.kind == '*' || value.kind == '~' || value.kind == '%') {
    const long long children = value.kind == '%' ? 2 * count : count;
    for (long long i = 0; i < children; ++i) value.children.push_back(parse(bytes, at));
  }
  return value;
}

}  // namespace

const RespValue* RespValue::at(std::string_view key) const {
  for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
    if (children[i].text == key) return &children[i + 1];
  }
  return nullptr;
}

void RespValue::erase(std::string_view key) {
  for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
    if (children[i].text != key) continue;
    children.erase(children.begin() + static_cast<std::ptrdiff_t>(i),
                   children.begin() + static_cast<std::ptrdiff_t>(i + 2));
    text = std::to_string(kind == '%' ? children.size() / 2 : children.size());
    return;
  }
}

RespValue parse_reply(std::string_view bytes) {
  std::size_t at = 0;
  return parse(bytes, at);
}

std::string print(const RespValue& value) {
  std::string text(1, value.kind);
  text += value.text;
  if (value.kind != '*' && value.kind != '~' && value.kind != '%') return text;
  text += "(";
  for (const RespValue& child : value.children) text += print(child) + " ";
  return text + ")";
}

RespValue sorted(RespValue value) {
  std::sort(value.children.begin(), value.children.end(),
            [](const RespValue& a, const RespValue& b) { return print(a) < print(b); });
  return value;
}

}  // namespace restored::test
