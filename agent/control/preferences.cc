#include "control/preferences.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/utf8.h"

namespace restored::control {
namespace {

constexpr std::size_t shown_bytes_max = 64;
constexpr std::string_view hold_name = "hold";

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Takes what it names off the front of the text, or leaves it as it is.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  std::string_view rest() const { return text_; }
  void skip_spaces() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t'))
      text_.remove_prefix(1);
  }
  bool take(char wanted) {
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string token() {
    const auto* const end = std::ranges::find_if_not(text_, is_token_character);
    std::string found(text_.begin(), end);
    text_.remove_prefix(found.size());
    return found;
  }
  std::optional<std::string> quoted() {
    std::string found;
    for (std::size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] == '"') {
        text_.remove_prefix(i + 1);
        return found;
      }
      if (text_[i] == '\\' && ++i == text_.size()) break;
      found += text_[i];
    }
    return std::nullopt;
  }
  // Up to the next comma that no quotes enclose; without it where they are not closed.
  void skip_element() {
    bool inside = false;
    while (!text_.empty() && (inside || text_.front() != ',')) {
      if (inside && text_.front() == '\\' && text_.size() > 1) text_.remove_prefix(1);
      if (text_.front() == '"') inside = !inside;
      text_.remove_prefix(1);
    }
  }

 private:
  std::string_view text_;
};

// name [= word]
std::optional<std::pair<std::string, std::string>> read_pair(Reader& reader) {
  std::string name = ascii_lower(reader.token());
  if (name.empty()) return std::nullopt;
  reader.skip_spaces();
  if (!reader.take('=')) return std::pair(std::move(name), std::string());
  reader.skip_spaces();
  std::optional<std::string> value;
  if (reader.rest().starts_with('"')) {
    value = reader.quoted();
  } else if (std::string token = reader.token(); !token.empty()) {
    value = std::move(token);
  }
  if (!value) return std::nullopt;
  return std::pair(std::move(name), std::move(*value));
}

// A preference and its parameters, which nobody asks for. A parameter that is named as the hold was
// meant as one, more likely than not: it is read as a slip of the pen.
std::optional<std::pair<std::string, std::string>> read_preference(Reader& reader) {
  auto preference = read_pair(reader);
  if (!preference) return std::nullopt;
  reader.skip_spaces();
  while (reader.take(';')) {
    reader.skip_spaces();
    const bool none =
        reader.at_end() || reader.rest().front() == ';' || reader.rest().front() == ',';
    if (!none) {
      const auto parameter = read_pair(reader);
      if (!parameter || parameter->first == hold_name) return std::nullopt;
    }
    reader.skip_spaces();
  }
  if (!reader.at_end() && reader.rest().front() != ',') return std::nullopt;
  return preference;
}

}  // namespace

Preferences::Preferences(std::string_view header) {
  Reader reader(header);
  while (!reader.at_end()) {
    reader.skip_spaces();
    if (reader.at_end() || reader.take(',')) continue;
    const std::string_view element = reader.rest();
    if (auto preference = read_preference(reader)) {
      found_.push_back(std::move(*preference));
      continue;
    }
    Reader again(element);
    again.skip_element();
    garbled_ += ascii_lower(element.substr(0, element.size() - again.rest().size())) + "\n";
    reader = again;
  }
}

std::optional<std::string> Preferences::value(std::string_view name) const {
  const auto found = std::ranges::find(
      found_, name, [](const auto& pair) -> std::string_view { return pair.first; });
  if (found == found_.end()) return std::nullopt;
  return found->second;
}

bool Preferences::garbled(std::string_view name) const {
  return garbled_.find(name) != std::string::npos;
}

Result<bool> wants_hold(std::string_view prefer) {
  const Preferences preferences(prefer);
  const std::optional<std::string> value = preferences.value(hold_name);
  if (value == "stage") return true;
  if (!value && !preferences.garbled(hold_name)) return false;
  return fail(ErrorCode::invalid_value,
              fmt::format("Prefer asks for a hold that is not known: {}",
                          printable(prefer, shown_bytes_max)),
              "A restore stops before its swap with Prefer: hold=stage. Nothing was begun.");
}

std::string hold_words(std::string_view prefer) {
  const Preferences preferences(prefer);
  if (const auto value = preferences.value(hold_name)) return "hold=" + *value;
  return preferences.garbled(hold_name) ? "hold" : "";
}

// With a value it is another preference, which nobody knows; an empty one is none (RFC 7240, 2).
bool wants_async(std::string_view prefer) {
  return Preferences(prefer).value(async_applied) == "";
}

}  // namespace restored::control
