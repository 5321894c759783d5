#include "net/answer_parser.h"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>

#include "restored/limits.h"

namespace restored::net {
namespace {

namespace http = boost::beast::http;

boost::asio::const_buffer buffer_of(std::span<const std::byte> bytes) {
  return {bytes.data(), bytes.size()};
}

// Beast lets a length stand beside an encoding that it does not know, and knows none but chunked.
std::string ambiguity(const http::fields& fields) {
  const auto encodings = fields.count(http::field::transfer_encoding);
  if (encodings == 0) return "";
  if (fields.count(http::field::content_length) > 0) {
    return "both Content-Length and Transfer-Encoding";
  }
  if (encodings > 1 || !boost::beast::iequals(fields[http::field::transfer_encoding], "chunked")) {
    return "a Transfer-Encoding other than chunked";
  }
  return "";
}

// The shortest end of a chunked body, "0\r\n\r\n", and so the least that follows wherever a chunk's
// line comes next. Beast asserts that it gets as many once it has seen the last chunk's line.
constexpr std::size_t last_chunk_bytes = 5;

bool may_begin(std::span<const std::byte> bytes) {
  constexpr std::string_view begin = "HTTP/1.";
  const std::size_t known = std::min(begin.size(), bytes.size());
  return std::ranges::equal(std::as_bytes(std::span(begin)).first(known), bytes.first(known));
}

}  // namespace

struct AnswerParser::State {
  bool to_head = false;
  bool begun = false;            // took a byte
  std::uint64_t chunk_left = 0;  // bytes of the chunk's content to come; 0: a chunk's line is next
  std::function<void(std::uint64_t, std::string_view, boost::system::error_code&)> on_chunk;
  http::response_parser<http::buffer_body> parser;
};

AnswerParser::AnswerParser(bool to_head) : state_(std::make_unique<State>()) {
  state_->to_head = to_head;
  state_->parser.header_limit(static_cast<std::uint32_t>(limits::store_header_bytes_max));
  state_->parser.body_limit(boost::none);  // the exchange's to say
  state_->parser.skip(to_head);
  state_->on_chunk = [state = state_.get()](std::uint64_t size, std::string_view,
                                            boost::system::error_code&) {
    state->chunk_left = size;
  };
  state_->parser.on_chunk_header(state_->on_chunk);
}

AnswerParser::~AnswerParser() = default;

std::expected<std::size_t, std::string> AnswerParser::parse_head(std::span<const std::byte> bytes) {
  // Beast waits for eight bytes, and what is no answer may have fewer.
  if (!state_->begun && !may_begin(bytes)) return std::unexpected("it does not begin with HTTP/1");
  boost::system::error_code error;
  const std::size_t taken = state_->parser.put(buffer_of(bytes), error);
  state_->begun = state_->begun || taken > 0;
  if (error && error != http::error::need_more) return std::unexpected(error.message());
  if (head_done()) {
    if (status() == 101) return std::unexpected("101 to no question");
    if (std::string wrong = ambiguity(state_->parser.get()); !wrong.empty()) {
      return std::unexpected(std::move(wrong));
    }
  }
  return taken;
}

bool AnswerParser::head_done() const {
  return state_->parser.is_header_done();
}

unsigned AnswerParser::status() const {
  return state_->parser.get().result_int();
}

ResponseHead AnswerParser::take_head() {
  const auto& message = state_->parser.get();
  ResponseHead head;
  head.status = status();
  for (const auto& field : message) head.headers.emplace_back(field.name_string(), field.value());
  if (const auto length = state_->parser.content_length()) head.content_length = *length;
  return head;
}

bool AnswerParser::has_body() const {
  return !state_->to_head && status() != 204 && status() != 304;
}

Framing AnswerParser::framing() const {
  if (state_->parser.chunked()) return Framing::chunked;
  return state_->parser.content_length() ? Framing::length : Framing::until_end;
}

std::uint64_t AnswerParser::content_length() const {
  return state_->parser.content_length().value();
}

bool AnswerParser::keep_alive() const {
  return state_->parser.keep_alive();
}

std::expected<AnswerParser::Chunked, std::string> AnswerParser::parse_chunks(
    std::span<const std::byte> bytes, std::span<std::byte> into) {
  auto& parser = state_->parser;
  std::byte nowhere{};  // Beast takes a null pointer for a buffer that is still to come
  auto& body = parser.get().body();
  body.data = into.empty() ? &nowhere : into.data();
  body.size = into.size();
  Chunked chunked;
  // One piece of the grammar at a time: a chunk's line, a run of its bytes.
  while (!parser.is_done() && chunked.taken < bytes.size()) {
    const auto rest = bytes.subspan(chunked.taken);
    if (state_->chunk_left == 0 && rest.size() < last_chunk_bytes) break;
    boost::system::error_code error;
    const std::size_t room = body.size;
    chunked.taken += parser.put(buffer_of(rest), error);
    state_->chunk_left -= room - body.size;
    if (error == http::error::need_buffer) {
      chunked.full = true;
      break;
    }
    if (error == http::error::need_more) break;
    if (error) return std::unexpected(error.message());
  }
  chunked.produced = into.size() - body.size;
  chunked.done = parser.is_done();
  return chunked;
}

}  // namespace restored::net
