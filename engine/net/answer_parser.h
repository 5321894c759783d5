// The grammar of an HTTP/1.1 answer, on bytes that somebody else has read: its head, and the chunks
// of its body. What is ambiguous is refused, since two readers of it would not agree on where it
// ends.
// Threading: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "net/http_client.h"

namespace restored::net {

// How a body's end is told.
enum class Framing : std::uint8_t { length, chunked, until_end };

class AnswerParser {
 public:
  // `to_head`: the answer to a HEAD, which has no body.
  explicit AnswerParser(bool to_head);
  ~AnswerParser();
  AnswerParser(const AnswerParser&) = delete;
  AnswerParser& operator=(const AnswerParser&) = delete;

  // How many of the bytes it took; the others are to be offered again, with more behind them.
  // The error says what is wrong with them.
  std::expected<std::size_t, std::string> parse_head(std::span<const std::byte> bytes);
  bool head_done() const;

  // REQUIRES of these: head_done().
  unsigned status() const;  // 1xx: another head follows
  ResponseHead take_head();
  bool has_body() const;  // one of no bytes too, unless it is an answer that never has one
  Framing framing() const;
  std::uint64_t content_length() const;  // REQUIRES: framing() == length
  bool keep_alive() const;

  struct Chunked {
    std::size_t taken = 0;     // of the bytes
    std::size_t produced = 0;  // in `into`
    bool full = false;         // more of the body stands in the bytes than `into` holds
    bool done = false;         // the last chunk and the trailers
  };
  // REQUIRES: framing() == chunked, and not done.
  std::expected<Chunked, std::string> parse_chunks(std::span<const std::byte> bytes,
                                                   std::span<std::byte> into);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace restored::net
