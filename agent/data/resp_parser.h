// Requests of the Redis protocol, parsed in place. Pure: no socket, no clock.
//
// A request is "*<count>\r\n" and <count> times "$<bytes>\r\n<bytes>\r\n", or one inline line of
// words with shell-like quotes. Deviations are answered as Redis 7.0 answers them.
//
// Threading: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "restored/limits.h"

namespace restored::data {

struct ParserLimits {
  std::size_t bulk_bytes_max = limits::value_bytes_max_default;
  std::size_t arguments_max = limits::command_arguments_max;
  std::size_t line_bytes_max = limits::inline_command_bytes_max;
};

class RequestParser {
 public:
  enum class Status : std::uint8_t {
    incomplete,  // feed more bytes
    request,     // arguments() and consumed() are valid; no arguments: an empty request, skip it
    error,       // error() says what to tell the client before closing
  };

  explicit RequestParser(ParserLimits parser_limits = {}) : limits_(parser_limits) {}

  // `input` begins at the first byte of the request in progress; it may have grown and moved since
  // the last call, but what was there is unchanged. After `request` the next call starts a new
  // one: drop consumed() bytes first.
  Status parse(std::string_view input);

  // Views into the input of the last call (or this object, for inline requests).
  std::span<const std::string_view> arguments() const { return arguments_; }
  std::size_t consumed() const { return position_; }
  const std::string& error() const { return error_; }
  // The request in progress has at least this many bytes: how far a buffer should grow.
  std::size_t bytes_wanted() const { return bytes_wanted_; }

  // Who is not authenticated yet may send little: 10 arguments of 16 KiB.
  void set_authenticated(bool authenticated) { authenticated_ = authenticated; }

 private:
  struct Range {
    std::size_t begin;
    std::size_t size;
  };

  void restart();
  Status fail(std::string message);
  Status parse_inline(std::string_view input);
  Status parse_count(std::string_view input);
  Status parse_bulks(std::string_view input);
  // Reads the number of the line at position_ + 1; `request` means that it was read.
  Status read_number(std::string_view input, std::string_view what, bool& valid,
                     std::int64_t& number);
  bool split_words(std::string_view line);

  ParserLimits limits_;
  bool authenticated_ = false;
  bool finished_ = true;  // the next parse() starts a new request
  bool counted_ = false;  // the "*<count>" line was read
  std::int64_t bulks_left_ = 0;
  std::int64_t bulk_bytes_ = -1;  // of the bulk in progress, when its "$" line was read
  std::size_t position_ = 0;
  std::size_t bytes_wanted_ = 0;
  std::vector<Range> ranges_;
  std::vector<std::string_view> arguments_;
  std::string words_;  // of an inline request, unquoted
  std::string error_;
};

}  // namespace restored::data
