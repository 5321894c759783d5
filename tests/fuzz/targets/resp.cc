// Requests of the Redis protocol, as a connection's bytes. However they are cut into reads, the
// requests are the same ones, and so is the error that ends them.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "choices.h"
#include "data/input_buffer.h"
#include "data/resp_parser.h"
#include "target.h"

namespace restored::fuzz {
namespace {

using data::RequestParser;
using Status = RequestParser::Status;

struct Outcome {
  std::vector<std::vector<std::string>> requests;
  std::string error;
  std::size_t left = 0;  // bytes of a request that is not complete
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::vector<std::string> checked_arguments(const RequestParser& parser,
                                           const data::ParserLimits& limits) {
  std::vector<std::string> arguments;
  require(parser.arguments().size() <= std::max(limits.arguments_max, limits.line_bytes_max),
          "a request has no more arguments than the limit");
  for (const std::string_view argument : parser.arguments()) {
    require(argument.size() <= std::max(limits.bulk_bytes_max, limits.line_bytes_max),
            "an argument is no longer than the limit");
    arguments.emplace_back(argument);
  }
  return arguments;
}

// As a session reads: into the buffer's room, then every request that is there.
Outcome read(std::string_view stream, std::uint8_t cuts, const data::ParserLimits& limits,
             bool authenticated) {
  Outcome outcome;
  RequestParser parser(limits);
  parser.set_authenticated(authenticated);
  data::InputBuffer buffer;
  Pieces pieces(stream, cuts);
  while (!pieces.done()) {
    std::string_view piece = pieces.next();
    while (!piece.empty()) {
      const auto room = buffer.prepare(parser.bytes_wanted());
      const std::size_t bytes = std::min(room.size(), piece.size());
      require(bytes > 0, "a buffer makes room");
      std::memcpy(room.data(), piece.data(), bytes);
      piece.remove_prefix(bytes);
      buffer.commit(bytes);
      // Grown by what has arrived, not by what was announced.
      require(buffer.unread().size() + buffer.free_bytes() <= 4 * stream.size() + 256 * 1024,
              "a buffer's memory follows what has arrived");
      while (!buffer.unread().empty()) {
        const Status status = parser.parse(buffer.unread());
        if (status == Status::incomplete) break;
        if (status == Status::error) {
          outcome.error = parser.error();
          require(outcome.error.starts_with("ERR ") && outcome.error.size() < 200 &&
                      outcome.error.find_first_of("\r\n") == std::string::npos,
                  "an error is one line of the protocol");
          return outcome;
        }
        require(parser.consumed() > 0 && parser.consumed() <= buffer.unread().size(),
                "a request consumes bytes that are there");
        outcome.requests.push_back(checked_arguments(parser, limits));
        buffer.consume(parser.consumed());
      }
    }
  }
  outcome.left = buffer.unread().size();
  return outcome;
}

std::string encoded(const std::vector<std::string>& arguments) {
  std::string bytes = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const std::string& argument : arguments)
    bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  return bytes;
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t flags = choices.byte();
  const std::uint8_t cuts = choices.byte();
  const std::string_view stream = choices.rest();
  const bool authenticated = (flags & 1) != 0;
  data::ParserLimits limits;
  if ((flags & 2) != 0) limits = {.bulk_bytes_max = 40, .arguments_max = 5, .line_bytes_max = 24};

  const Outcome whole = read(stream, 0, limits, authenticated);
  require(read(stream, cuts, limits, authenticated) == whole, "cuts change nothing");
  require(read(stream, 1, limits, authenticated) == whole, "single bytes change nothing");

  // What was read, written as clients write it, is read again as the same.
  const data::ParserLimits wide;
  for (const std::vector<std::string>& request : whole.requests) {
    if (request.empty()) continue;
    const Outcome again = read(encoded(request), 0, wide, true);
    require(again.error.empty() && again.requests.size() == 1 && again.requests[0] == request,
            "a request that is written again is the same");
  }
}

const Registration registration({"resp", 16 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
