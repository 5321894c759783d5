#include "data/glob.h"

#include <cstddef>
#include <utility>

#include "data/numbers.h"

namespace restored::data {
namespace {

unsigned char folded(char c, bool ignore_case) {
  return static_cast<unsigned char>(ignore_case ? lower_case(c) : c);
}

// Matches one bracket class at pattern[at] == '[' and moves `at` behind it. A class that is never
// closed ends with the pattern.
bool class_matches(std::string_view pattern, std::size_t& at, char c, bool ignore_case) {
  ++at;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  const unsigned char wanted = folded(c, ignore_case);
  bool matched = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      ++at;
      matched = matched || pattern[at] == c;
      ++at;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      unsigned char low = folded(pattern[at], ignore_case);
      unsigned char high = folded(pattern[at + 2], ignore_case);
      if (low > high) std::swap(low, high);
      matched = matched || (wanted >= low && wanted <= high);
      at += 3;
    } else {
      matched = matched || folded(pattern[at], ignore_case) == wanted;
      ++at;
    }
  }
  if (at < pattern.size()) ++at;  // the ']'
  return matched != negated;
}

// One pattern element other than '*' against one byte; moves `at` behind the element.
bool element_matches(std::string_view pattern, std::size_t& at, char c, bool ignore_case) {
  if (pattern[at] == '?') {
    ++at;
    return true;
  }
  if (pattern[at] == '[') return class_matches(pattern, at, c, ignore_case);
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  const bool matched = folded(pattern[at], ignore_case) == folded(c, ignore_case);
  ++at;
  return matched;
}

}  // namespace

// Backtracks to the last star only, which is enough for globs and keeps the worst case at
// pattern x text instead of exponential.
bool glob_matches(std::string_view pattern, std::string_view text, bool ignore_case) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // pattern position behind the last star
  std::size_t star_text = 0;                  // text position that the star has consumed up to
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      while (p < pattern.size() && pattern[p] == '*') ++p;
      if (p == pattern.size()) return true;
      star = p;
      star_text = t;
      continue;
    }
    if (p < pattern.size() && element_matches(pattern, p, text[t], ignore_case)) {
      ++t;
      continue;
    }
    if (star == std::string_view::npos) return false;
    p = star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string glob_literal_prefix(std::string_view pattern) {
  std::string prefix;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*' || c == '?' || c == '[') break;
    if (c == '\\' && i + 1 < pattern.size()) ++i;
    prefix.push_back(pattern[i]);
  }
  return prefix;
}

}  // namespace restored::data
