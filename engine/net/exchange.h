// One request and its answer over one connection.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/answer_parser.h"
#include "net/body_sink.h"
#include "net/http_client.h"
#include "net/patience.h"
#include "net/stream.h"

namespace restored::net {

// Threading: one thread.
class Exchange {
 public:
  // REQUIRES: no objection() to the request.
  // `kept`: the connection served another request before. All outlive the exchange.
  Exchange(Stream& stream, const Request& request, const Target& target, Patience& patience,
           bool kept);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Once. The messages of failures do not name the endpoint yet.
  std::expected<Response, Failure> run();
  // Whether another request can follow on this connection: it has answered this one, has nothing
  // more to say, and did not announce that it will close.
  bool reusable() const { return reusable_; }

 private:
  template <class T = void>
  using Outcome = std::expected<T, Failure>;

  Outcome<> send_request();
  Outcome<> send(std::span<const std::byte> bytes);
  Outcome<> hear_early();
  Outcome<> hear_why_not(const std::string& reason);
  bool refused_early() const;

  Outcome<> read_head();
  Outcome<> parse_head();
  Outcome<Response> read_answer();
  Outcome<bool> read_body(BodySink& sink);  // false: the rest of it was left unread
  Outcome<bool> read_length(BodySink& sink, std::uint64_t length);
  Outcome<bool> read_chunks(BodySink& sink);
  Outcome<bool> read_until_end(BodySink& sink);
  Outcome<bool> too_long(const BodySink& sink) const;

  // At least one byte, or 0: the peer ended the connection.
  Outcome<std::size_t> receive(std::span<std::byte> into);
  // Adds to what is held; false: the peer ended the connection. REQUIRES: it is not full.
  Outcome<bool> receive_more();
  Outcome<> wait_to_receive(short events);
  void expect(std::size_t bytes);
  void hold(std::size_t bytes);  // read into free_space()
  std::size_t take_held(std::span<std::byte> into);
  std::span<const std::byte> held() const {
    return {buffer_.get() + held_begin_, held_end_ - held_begin_};
  }
  std::span<std::byte> free_space();

  Failure closed(std::string_view why) const;
  Failure malformed(std::string_view what) const;

  Stream& stream_;
  const Request& request_;
  const Target& target_;
  Patience& patience_;
  const bool kept_;

  std::string_view doing_;
  const std::unique_ptr<std::byte[]> buffer_;
  std::size_t held_begin_ = 0;  // what was read and not used yet
  std::size_t held_end_ = 0;
  std::size_t held_most_ = 0;
  std::optional<AnswerParser> parser_;
  std::size_t head_bytes_ = 0;  // of the interim heads too
  bool answered_ = false;       // the head is complete
  bool heard_ = false;          // a byte of the answer came
  bool drained_ = false;        // the last read left nothing to be read
  bool unhurried_ = false;      // the stream was told to expect more than a byte
  bool all_sent_ = false;
  bool reusable_ = false;
};

}  // namespace restored::net
