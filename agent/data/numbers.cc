#include "data/numbers.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace restored::data {
namespace {

// Redis' own: the largest long double has 4933 digits before the point.
constexpr std::size_t number_bytes_max = 5 * 1024;

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  const std::string_view digits = text.front() == '-' ? text.substr(1) : text;
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  if (digits.front() == '0' && text.size() > 1) return std::nullopt;
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<long double> parse_float(std::string_view text) {
  std::array<char, number_bytes_max> copy;
  if (text.empty() || text.size() >= copy.size()) return std::nullopt;
  std::copy(text.begin(), text.end(), copy.begin());
  copy[text.size()] = '\0';
  if (std::isspace(static_cast<unsigned char>(copy[0])) != 0) return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const long double value = std::strtold(copy.data(), &end);
  if (static_cast<std::size_t>(end - copy.data()) != text.size()) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || std::fpclassify(value) == FP_ZERO)) {
    return std::nullopt;
  }
  if (std::isnan(value)) return std::nullopt;
  return value;
}

std::string format_float(long double value) {
  std::array<char, number_bytes_max> text;
  const int printed = std::snprintf(text.data(), text.size(), "%.17Lf", value);
  if (printed <= 0 || static_cast<std::size_t>(printed) >= text.size()) return {};
  std::string_view view(text.data(), static_cast<std::size_t>(printed));
  if (view.find('.') != std::string_view::npos) {
    while (view.back() == '0') view.remove_suffix(1);
    if (view.back() == '.') view.remove_suffix(1);
  }
  return view == "-0" ? "0" : std::string(view);
}

char lower_case(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return lower_case(x) == lower_case(y);
         });
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), lower_case);
  return lower;
}

std::string to_upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

}  // namespace restored::data
