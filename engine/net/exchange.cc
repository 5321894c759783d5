#include "net/exchange.h"

#include <fmt/format.h>
#include <poll.h>
#include <string.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/secret_text.h"
#include "net/request_head.h"
#include "restored/limits.h"

namespace restored::net {
namespace {

constexpr std::size_t buffer_bytes = limits::store_header_bytes_max;
// One read or write, and how often a stop and an early answer are looked for.
constexpr std::size_t step_bytes = 1 * kMiB;
// A body this small goes out together with the head.
constexpr std::size_t joined_body_bytes = 16 * kKiB;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

Exchange::Exchange(Stream& stream, const Request& request, const Target& target, Patience& patience,
                   bool kept)
    : stream_(stream),
      request_(request),
      target_(target),
      patience_(patience),
      kept_(kept),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_bytes)) {
  parser_.emplace(request.method == "HEAD");
}

// An answer may have been a secret, too.
Exchange::~Exchange() {
  ::explicit_bzero(buffer_.get(), held_most_);
}

std::expected<Response, Failure> Exchange::run() {
  doing_ = "sending the request";
  if (auto sent = send_request(); !sent) return std::unexpected(std::move(sent).error());
  doing_ = "waiting for the answer";
  if (auto read = read_head(); !read) return std::unexpected(std::move(read).error());
  doing_ = "reading the answer";
  return read_answer();
}

Exchange::Outcome<> Exchange::send_request() {
  std::span<const std::byte> body = request_.body;
  const bool joined = body.size() <= joined_body_bytes;
  std::string head = head_text(request_, joined ? body.size() : 0);
  const WipeAtEnd wiped(head);
  if (joined) {
    head.append(reinterpret_cast<const char*>(body.data()), body.size());
    body = {};
  }
  if (auto sent = send(bytes_of(head)); !sent) return sent;
  return send(body);
}

Exchange::Outcome<> Exchange::send(std::span<const std::byte> bytes) {
  std::size_t unheard = 0;  // sent since an early answer was looked for
  while (!bytes.empty() && !refused_early()) {
    if (const auto over = patience_.over()) {
      return std::unexpected(patience_.failure(*over, doing_));
    }
    const Step step = stream_.write(bytes.first(std::min(bytes.size(), step_bytes)));
    if (step.kind == Step::Kind::ended || step.kind == Step::Kind::failed) {
      return hear_why_not(step.reason);
    }
    bool audible = false;
    if (step.kind == Step::Kind::moved) {
      patience_.moved();
      bytes = bytes.subspan(step.bytes);
      unheard += step.bytes;
      if (unheard < step_bytes) continue;
      unheard = 0;
      audible = !stream_.quiet();
    } else {
      const int wanted = step.kind == Step::Kind::wants_read ? POLLIN : POLLOUT;
      short seen = 0;
      const int events = answered_ ? wanted : wanted | POLLIN;
      const Waited waited = patience_.wait(stream_.fd(), static_cast<short>(events), seen);
      if (waited != Waited::ready) return std::unexpected(patience_.failure(waited, doing_));
      audible = (seen & POLLIN) != 0;
    }
    if (audible && !answered_) {
      if (auto heard = hear_early(); !heard) return heard;
    }
  }
  all_sent_ = bytes.empty();
  return {};
}

// A server that refuses a request may say so before it has read it all, and read no more. One that
// is content wants the rest, whenever it answers.
bool Exchange::refused_early() const {
  return answered_ && parser_->status() >= 300;
}

Exchange::Outcome<> Exchange::hear_early() {
  const Step step = stream_.read(free_space());
  switch (step.kind) {
    case Step::Kind::moved:
      heard_ = true;
      patience_.moved();
      hold(step.bytes);
      return parse_head();
    case Step::Kind::wants_read:
    case Step::Kind::wants_write:
      return {};
    case Step::Kind::ended:
      return std::unexpected(closed("closed by the server"));
    case Step::Kind::failed:
      break;
  }
  return std::unexpected(closed(step.reason));
}

// Who closes a connection on our request has perhaps answered it before, and the answer arrived.
Exchange::Outcome<> Exchange::hear_why_not(const std::string& reason) {
  while (!answered_) {
    const auto more = receive_more();
    if (!more || !*more) return std::unexpected(closed(reason));
    if (auto parsed = parse_head(); !parsed) return parsed;
  }
  return {};
}

Exchange::Outcome<> Exchange::read_head() {
  while (!answered_) {
    const auto more = receive_more();
    if (!more) return std::unexpected(more.error());
    if (!*more) return std::unexpected(closed("closed by the server"));
    if (auto parsed = parse_head(); !parsed) return parsed;
  }
  return {};
}

// Goes through interim answers, which nobody waits for here.
Exchange::Outcome<> Exchange::parse_head() {
  while (!answered_) {
    const auto taken = parser_->parse_head(held());
    if (!taken) return std::unexpected(malformed(taken.error()));
    held_begin_ += *taken;
    head_bytes_ += *taken;
    const std::size_t pending = parser_->head_done() ? 0 : held().size();
    if (head_bytes_ + pending >= buffer_bytes) {
      return std::unexpected(malformed(fmt::format("headers of {} bytes and more", buffer_bytes)));
    }
    if (!parser_->head_done()) return {};
    if (parser_->status() / 100 != 1) {
      answered_ = true;
    } else {
      parser_.emplace(request_.method == "HEAD");
      if (held().empty()) return {};
    }
  }
  return {};
}

Exchange::Outcome<Response> Exchange::read_answer() {
  Response response;
  response.head = parser_->take_head();
  bool whole = true;
  if (parser_->has_body()) {
    BodySink sink(target_, response);
    const auto read = read_body(sink);
    if (!read) {
      wipe(response.body);
      return std::unexpected(read.error());
    }
    whole = *read;
    if (!sink.finish()) {
      return std::unexpected(
          closed(fmt::format("ended after {} of {} bytes", sink.bytes(), sink.capacity())));
    }
  }
  reusable_ = whole && all_sent_ && parser_->keep_alive() && held().empty() && stream_.quiet();
  return response;
}

Exchange::Outcome<bool> Exchange::read_body(BodySink& sink) {
  switch (parser_->framing()) {
    case Framing::length:
      return read_length(sink, parser_->content_length());
    case Framing::chunked:
      return read_chunks(sink);
    case Framing::until_end:
      break;
  }
  return read_until_end(sink);
}

// Into the memory where the bytes stay, but for those that came with the head.
Exchange::Outcome<bool> Exchange::read_length(BodySink& sink, std::uint64_t length) {
  const bool fits = length <= sink.capacity();
  if (!fits && sink.strict()) return too_long(sink);
  const std::size_t wanted = fits ? static_cast<std::size_t>(length) : sink.capacity();
  while (sink.bytes() < wanted) {
    const std::size_t left = wanted - sink.bytes();
    const auto into = sink.room(std::min(left, step_bytes));
    std::size_t got = take_held(into);
    if (got == 0) {
      expect(left);
      const auto received = receive(into);
      if (!received) return std::unexpected(received.error());
      got = *received;
    }
    if (got == 0) {
      return std::unexpected(
          closed(fmt::format("closed by the server after {} of {} bytes", sink.bytes(), length)));
    }
    sink.filled(got);
  }
  expect(1);  // from here on a single byte counts
  return fits;
}

Exchange::Outcome<bool> Exchange::read_chunks(BodySink& sink) {
  for (;;) {
    const auto chunked = parser_->parse_chunks(held(), sink.room());
    if (!chunked) return std::unexpected(malformed(chunked.error()));
    held_begin_ += chunked->taken;
    sink.filled(chunked->produced);
    if (chunked->done) return true;
    if (chunked->full) {
      if (sink.bytes() == sink.capacity()) return too_long(sink);
      continue;
    }
    if (held().size() == buffer_bytes) {
      return std::unexpected(malformed("a chunk's header or trailers without an end"));
    }
    const auto more = receive_more();
    if (!more) return std::unexpected(more.error());
    if (!*more) {
      return std::unexpected(
          closed(fmt::format("closed by the server after {} bytes", sink.bytes())));
    }
  }
}

Exchange::Outcome<bool> Exchange::read_until_end(BodySink& sink) {
  for (;;) {
    const auto into = sink.room(step_bytes);
    if (into.empty()) {
      if (!held().empty()) return too_long(sink);
      const auto more = receive_more();
      if (!more) return std::unexpected(more.error());
      return *more ? too_long(sink) : Outcome<bool>(true);
    }
    std::size_t got = take_held(into);
    if (got == 0) {
      const auto received = receive(into);
      if (!received) return std::unexpected(received.error());
      if (*received == 0) return true;
      got = *received;
    }
    sink.filled(got);
  }
}

Exchange::Outcome<bool> Exchange::too_long(const BodySink& sink) const {
  if (!sink.strict()) return false;
  Failure failure = malformed(fmt::format("a body of more than {} bytes", sink.capacity()));
  if (sink.collects()) failure.kind = Failure::Kind::too_long;
  return std::unexpected(std::move(failure));
}

Exchange::Outcome<std::size_t> Exchange::receive(std::span<std::byte> into) {
  RESTORED_CHECK(!into.empty(), "there is room for what is read");
  for (;;) {
    if (const auto over = patience_.over()) {
      return std::unexpected(patience_.failure(*over, doing_));
    }
    if (std::exchange(drained_, false)) {
      if (auto waited = wait_to_receive(POLLIN); !waited) return std::unexpected(waited.error());
    }
    const Step step = stream_.read(into);
    if (step.kind == Step::Kind::moved) {
      patience_.moved();
      heard_ = true;
      drained_ = step.drained;
      return step.bytes;
    }
    if (step.kind == Step::Kind::ended) return 0;
    if (step.kind == Step::Kind::failed) return std::unexpected(closed(step.reason));
    const short events = step.kind == Step::Kind::wants_read ? POLLIN : POLLOUT;
    if (auto waited = wait_to_receive(events); !waited) return std::unexpected(waited.error());
  }
}

// Fewer bytes than the stream was told to expect wake nobody. They are there all the same, when the
// rest is late: they count against the stall limit, and they are the caller's.
Exchange::Outcome<> Exchange::wait_to_receive(short events) {
  constexpr std::chrono::milliseconds unhurried_max(200);
  short seen = 0;
  Waited waited = Waited::until;
  if (unhurried_) {
    const auto time = std::min(unhurried_max, patience_.limits().stall / 2);
    waited = patience_.wait(stream_.fd(), events, seen, now() + time);
    if (waited == Waited::until) expect(1);
  }
  if (waited == Waited::until) waited = patience_.wait(stream_.fd(), events, seen);
  if (waited != Waited::ready) return std::unexpected(patience_.failure(waited, doing_));
  return {};
}

void Exchange::expect(std::size_t bytes) {
  stream_.expect(bytes);
  unhurried_ = bytes > 1;
}

Exchange::Outcome<bool> Exchange::receive_more() {
  const auto received = receive(free_space());
  if (!received) return std::unexpected(received.error());
  hold(*received);
  return *received > 0;
}

void Exchange::hold(std::size_t bytes) {
  held_end_ += bytes;
  held_most_ = std::max(held_most_, held_end_);
}

std::size_t Exchange::take_held(std::span<std::byte> into) {
  const std::size_t bytes = std::min(into.size(), held().size());
  if (bytes > 0) std::memcpy(into.data(), held().data(), bytes);
  held_begin_ += bytes;
  return bytes;
}

std::span<std::byte> Exchange::free_space() {
  if (held_begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + held_begin_, held().size());
    held_end_ -= std::exchange(held_begin_, 0);
  }
  return {buffer_.get() + held_end_, buffer_bytes - held_end_};
}

Failure Exchange::closed(std::string_view why) const {
  return {Failure::Kind::closed, fmt::format("{} while {}", why, doing_), kept_ && !heard_};
}

// What follows a kept connection's last answer and is none itself belonged to that answer.
Failure Exchange::malformed(std::string_view what) const {
  return {Failure::Kind::malformed, fmt::format("not a valid answer: {}", what),
          kept_ && !answered_};
}

}  // namespace restored::net
