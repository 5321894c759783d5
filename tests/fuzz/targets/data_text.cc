// Texts of the data plane: glob patterns against a matcher that is slow and obvious, numbers, and
// the records of a generation.
#include <optional>
#include <string>
#include <vector>

#include "choices.h"
#include "data/glob.h"
#include "data/numbers.h"
#include "restored/record.h"
#include "target.h"

namespace restored::fuzz {
namespace {

// One element of a pattern at `at`, which moves behind it, against one byte. As Redis 7.0 reads
// them.
bool element(std::string_view pattern, std::size_t& at, unsigned char byte) {
  const auto head = static_cast<unsigned char>(pattern[at++]);
  if (head == '?') return true;
  if (head == '\\' && at < pattern.size()) return static_cast<unsigned char>(pattern[at++]) == byte;
  if (head != '[') return head == byte;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      found |= static_cast<unsigned char>(pattern[at + 1]) == byte;
      at += 2;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      auto low = static_cast<unsigned char>(pattern[at]);
      auto high = static_cast<unsigned char>(pattern[at + 2]);
      if (low > high) std::swap(low, high);
      found |= low <= byte && byte <= high;
      at += 3;
    } else {
      found |= static_cast<unsigned char>(pattern[at++]) == byte;
    }
  }
  if (at < pattern.size()) ++at;
  return found != negated;
}

// Which prefixes of the text the pattern matches, element after element.
bool matches(std::string_view pattern, std::string_view text) {
  std::vector<bool> reached(text.size() + 1);
  reached[0] = true;
  for (std::size_t at = 0; at < pattern.size();) {
    std::vector<bool> next(text.size() + 1);
    if (pattern[at] == '*') {
      bool any = false;
      for (std::size_t i = 0; i <= text.size(); ++i) next[i] = any = any || reached[i];
      ++at;
    } else {
      std::size_t behind = at;
      bool moved = false;
      for (std::size_t i = 0; i < text.size(); ++i) {
        std::size_t here = at;
        next[i + 1] = element(pattern, here, static_cast<unsigned char>(text[i])) && reached[i];
        behind = here;
        moved = true;
      }
      if (!moved) element(pattern, behind, 0);
      at = behind;
    }
    reached = std::move(next);
  }
  return reached[text.size()];
}

void check_glob(std::string_view pattern, std::string_view text) {
  const bool found = data::glob_matches(pattern, text);
  require(found == matches(pattern, text), "a glob matches what its elements match one by one");
  require(!found || text.starts_with(data::glob_literal_prefix(pattern)),
          "what a glob matches begins with its literal prefix");
  require(data::glob_matches(data::to_lower(pattern), data::to_lower(text), true) ==
                  data::glob_matches(data::to_upper(pattern), data::to_upper(text), true) ||
              pattern.find_first_of("[\\") != std::string_view::npos,
          "without case, case does not matter");
}

void check_numbers(std::string_view text) {
  if (const auto number = data::parse_integer(text))
    require(data::IntegerText(*number).view() == text, "only the canonical integer is read");
  if (const auto number = data::parse_float(text)) {
    if (const std::string made = data::format_float(*number); !made.empty()) {
      require(made.size() <= 5 * 1024, "a number is printed within Redis' 5 KiB");
      require(data::parse_float(made).has_value(), "a number that was printed is read");
    }
  }
}

void check_record(std::string_view bytes) {
  const Result<record::Metadata> read = record::decode(bytes);
  if (!read) return require_sound(read.error());
  require(record::encode(read->type, read->expires_at, read->payload) == bytes,
          "a record that is written again is the same");
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t kind = choices.byte();
  if (kind % 3 == 0) {
    const std::string_view pattern = choices.text();
    check_glob(pattern, choices.rest());
  } else if (kind % 3 == 1) {
    check_numbers(choices.rest());
  } else {
    check_record(choices.rest());
  }
}

const Registration registration({"data_text", 600, run});

}  // namespace
}  // namespace restored::fuzz
