// What a client would like beside the answer: the Prefer header (RFC 7240). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "restored/error.h"

namespace restored::control {

// Threading: a value.
class Preferences {
 public:
  // The header's value; of several headers, joined by commas. What cannot be read is no preference.
  explicit Preferences(std::string_view header);

  // Of the first preference of this name (in lower case), its parameters left out; empty for one
  // without a value.
  std::optional<std::string> value(std::string_view name) const;
  // Whether this word stands in a part of the header that cannot be read.
  bool garbled(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> found_;
  std::string garbled_;  // in lower case
};

// Whether a restore is to stop before its swap: "hold=stage". Errors: invalid_value (another hold,
// or one that cannot be read: a swap that was not wanted cannot be excused by a typing error).
Result<bool> wants_hold(std::string_view prefer);
// The preference as it counts for what a request is, "hold=stage"; empty: there is none.
std::string hold_words(std::string_view prefer);

// Whether the answer may come before the work is done, at another address.
bool wants_async(std::string_view prefer);

inline constexpr const char* hold_applied = "hold=stage";
inline constexpr const char* async_applied = "respond-async";

}  // namespace restored::control
