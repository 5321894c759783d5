#include "data/resp_parser.h"

#include <algorithm>
#include <optional>

#include "data/numbers.h"

namespace restored::data {
namespace {

constexpr std::int64_t unauthenticated_arguments_max = 10;
constexpr std::int64_t unauthenticated_bulk_bytes_max = 16384;
constexpr std::size_t kept_arguments = 1024;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = lower_case(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// In an error, which is one line.
char shown(char c) {
  return c == '\r' || c == '\n' ? ' ' : c;
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// One backslash escape of a double-quoted word at line[at]; appends what it stands for.
std::size_t append_escape(std::string_view line, std::size_t at, std::string& word) {
  if (at + 3 < line.size() && line[at + 1] == 'x' && hex_digit(line[at + 2]) >= 0 &&
      hex_digit(line[at + 3]) >= 0) {
    word.push_back(static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3])));
    return at + 4;
  }
  char c = line[at + 1];
  switch (c) {
    case 'n':
      c = '\n';
      break;
    case 'r':
      c = '\r';
      break;
    case 't':
      c = '\t';
      break;
    case 'b':
      c = '\b';
      break;
    case 'a':
      c = '\a';
      break;
    default:
      break;
  }
  word.push_back(c);
  return at + 2;
}

// Appends the quoted text at line[at] (behind the opening quote) and returns the position behind
// the closing quote, which must end the word; nothing when the quotes do not balance.
std::optional<std::size_t> append_quoted(std::string_view line, std::size_t at, char quote,
                                         std::string& word) {
  while (at < line.size()) {
    if (quote == '"' && line[at] == '\\' && at + 1 < line.size()) {
      at = append_escape(line, at, word);
    } else if (quote == '\'' && line[at] == '\\' && at + 1 < line.size() && line[at + 1] == '\'') {
      word.push_back('\'');
      at += 2;
    } else if (line[at] == quote) {
      if (at + 1 < line.size() && !is_space(line[at + 1])) return std::nullopt;
      return at + 1;
    } else {
      word.push_back(line[at++]);
    }
  }
  return std::nullopt;
}

}  // namespace

void RequestParser::restart() {
  finished_ = false;
  counted_ = false;
  bulks_left_ = 0;
  bulk_bytes_ = -1;
  position_ = 0;
  bytes_wanted_ = 0;
  ranges_.clear();
  if (ranges_.capacity() > kept_arguments) {
    ranges_.shrink_to_fit();
    arguments_ = {};
  }
  arguments_.clear();
}

RequestParser::Status RequestParser::fail(std::string message) {
  error_ = "ERR Protocol error: " + std::move(message);
  return Status::error;
}

RequestParser::Status RequestParser::parse(std::string_view input) {
  if (finished_) restart();
  if (input.empty()) return Status::incomplete;
  if (input.front() != '*') return parse_inline(input);
  if (!counted_) {
    if (const Status status = parse_count(input); !counted_) return status;
  }
  return parse_bulks(input);
}

RequestParser::Status RequestParser::read_number(std::string_view input, std::string_view what,
                                                 bool& valid, std::int64_t& number) {
  // Judged by what the line has, not by whether its end came with it: that is the network's to say.
  const std::size_t end = std::min(input.find('\r', position_), input.size());
  if (end - position_ > limits_.line_bytes_max) {
    return fail("too big " + std::string(what) + " count string");
  }
  if (end + 2 > input.size()) return Status::incomplete;  // the '\n' belongs to the line
  const auto parsed = parse_integer(input.substr(position_ + 1, end - position_ - 1));
  valid = parsed.has_value();
  number = parsed.value_or(0);
  position_ = end + 2;
  return Status::request;
}

RequestParser::Status RequestParser::parse_count(std::string_view input) {
  bool valid = false;
  std::int64_t count = 0;
  if (const Status status = read_number(input, "mbulk", valid, count); status != Status::request) {
    return status;
  }
  if (!valid || count > static_cast<std::int64_t>(limits_.arguments_max)) {
    return fail("invalid multibulk length");
  }
  if (count > unauthenticated_arguments_max && !authenticated_) {
    return fail("unauthenticated multibulk length");
  }
  counted_ = true;
  bulks_left_ = std::max<std::int64_t>(count, 0);
  return Status::request;
}

RequestParser::Status RequestParser::parse_bulks(std::string_view input) {
  while (bulks_left_ > 0) {
    if (bulk_bytes_ < 0) {
      const std::size_t begin = position_;
      bool valid = false;
      std::int64_t bytes = 0;
      const Status status = read_number(input, "bulk", valid, bytes);
      if (status != Status::request) return status;
      if (input[begin] != '$') {
        return fail(std::string("expected '$', got '") + shown(input[begin]) + "'");
      }
      if (!valid || bytes < 0 || bytes > static_cast<std::int64_t>(limits_.bulk_bytes_max)) {
        return fail("invalid bulk length");
      }
      if (bytes > unauthenticated_bulk_bytes_max && !authenticated_) {
        return fail("unauthenticated bulk length");
      }
      bulk_bytes_ = bytes;
    }
    const auto size = static_cast<std::size_t>(bulk_bytes_);
    bytes_wanted_ = position_ + size + 2;
    if (input.size() < bytes_wanted_) return Status::incomplete;
    ranges_.push_back({position_, size});
    position_ = bytes_wanted_;
    bulk_bytes_ = -1;
    --bulks_left_;
  }
  for (const Range& range : ranges_) arguments_.push_back(input.substr(range.begin, range.size));
  finished_ = true;
  return Status::request;
}

RequestParser::Status RequestParser::parse_inline(std::string_view input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  if (end > limits_.line_bytes_max) return fail("too big inline request");
  if (end == input.size()) return Status::incomplete;
  std::string_view line = input.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  line = line.substr(0, line.find('\0'));
  if (!split_words(line)) return fail("unbalanced quotes in request");
  for (const Range& range : ranges_) {
    arguments_.push_back(std::string_view(words_).substr(range.begin, range.size));
  }
  position_ = end + 1;
  finished_ = true;
  return Status::request;
}

bool RequestParser::split_words(std::string_view line) {
  words_.clear();
  std::size_t at = 0;
  for (;;) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return true;
    const std::size_t begin = words_.size();
    while (at < line.size() && !is_space(line[at])) {
      if (line[at] == '"' || line[at] == '\'') {
        const auto behind = append_quoted(line, at + 1, line[at], words_);
        if (!behind) return false;
        at = *behind;
        break;  // a closing quote ends the word
      }
      words_.push_back(line[at++]);
    }
    ranges_.push_back({begin, words_.size() - begin});
  }
}

}  // namespace restored::data
