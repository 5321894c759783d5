// Numbers as Redis reads and prints them. Pure.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace restored::data {

// Only the canonical form: "0", "-7", "12", never "+1", "007", " 1" or "-0".
std::optional<std::int64_t> parse_integer(std::string_view text);
// As strtold takes it, without surrounding spaces; never NaN, nothing that over- or underflows.
std::optional<long double> parse_float(std::string_view text);
// Fixed notation, 17 decimals, trailing zeros cut. Nothing when it does not fit Redis' 5 KiB.
std::string format_float(long double value);

// Decimal digits without an allocation.
class IntegerText {
 public:
  template <class Integer>
  explicit IntegerText(Integer value) {
    const auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), value);
    size_ = static_cast<std::size_t>(end.ptr - digits_.data());
  }
  std::string_view view() const { return {digits_.data(), size_}; }

 private:
  std::array<char, 24> digits_;
  std::size_t size_ = 0;
};

char lower_case(char c);
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

}  // namespace restored::data
