#include "s3_server/sender.h"

#include <fmt/format.h>

#include <algorithm>

#include "s3_server/answers.h"

namespace restored::s3_server {
namespace {

constexpr std::size_t flood_bytes = 300 * 1024;
constexpr std::size_t endless_bytes = 16 * 1024 * 1024;
constexpr std::size_t trickle_pieces = 20;

bool succeeded(const HttpAnswer& answer) {
  return answer.status < 300;
}

void set_header(HttpAnswer& answer, std::string_view name, std::string value) {
  std::erase_if(answer.headers, [&](const auto& one) { return one.first == name; });
  if (!value.empty()) answer.headers.emplace_back(name, std::move(value));
}

// Some of the body's bytes, not all: 0 to length - 1.
std::size_t part_of(std::size_t length, std::uint64_t random) {
  return length == 0 ? 0 : random % length;
}

HttpAnswer replacement(const Choice& choice) {
  switch (choice.fault) {
    case Fault::slow_down:
      return error_answer(503, "SlowDown", "Please reduce your request rate.");
    case Fault::too_many_requests:
      return error_answer(429, "TooManyRequests", "Please reduce your request rate.");
    case Fault::slow_down_retry_after: {
      HttpAnswer answer = error_answer(503, "SlowDown", "Please reduce your request rate.");
      answer.headers.emplace_back("Retry-After", "1");
      return answer;
    }
    case Fault::redirect_permanent: {
      HttpAnswer answer = error_answer(301, "PermanentRedirect", "Use the region's own endpoint.");
      answer.headers.emplace_back("x-amz-bucket-region", "eu-faulty-9");
      return answer;
    }
    case Fault::redirect_temporary: {
      HttpAnswer answer = error_answer(307, "TemporaryRedirect", "Use the given endpoint.");
      answer.headers.emplace_back("Location", "http://127.0.0.1:9/elsewhere");
      return answer;
    }
    default:
      return error_answer(500, "InternalError", "We encountered an internal error.");
  }
}

// Changes of what is answered, whatever way it is sent.
void damage_answer(const Sending& sending, HttpAnswer& answer) {
  const std::uint64_t random = sending.choice.random;
  if (!succeeded(answer)) return;
  switch (sending.choice.fault) {
    case Fault::flipped_bit: {
      if (answer.length == 0 || sending.parsed.kind != Kind::get) return;
      std::string body(answer.body());
      char& byte = body[random % body.size()];
      byte = static_cast<char>(byte ^ (1 << (random >> 60) % 8));
      answer.set_body(std::move(body));
      return;
    }
    case Fault::wrong_bytes: {
      const std::size_t whole = answer.content ? answer.content->size() : 0;
      if (whole < 2) return;
      if (answer.length < whole) {
        answer.offset = answer.offset > 0 ? answer.offset - 1 : 1;
        return;
      }
      std::string body(answer.body());
      std::ranges::rotate(body, body.begin() + 1);
      answer.set_body(std::move(body));
      return;
    }
    case Fault::wrong_content_range:
      if (answer.status == 206)
        set_header(answer, "Content-Range",
                   fmt::format("bytes {}-{}/{}", answer.offset + 1, answer.offset + answer.length,
                               answer.content->size() + 1));
      return;
    case Fault::whole_for_range:
      if (answer.status != 206) return;
      answer.status = 200;
      set_header(answer, "Content-Range", "");
      answer.offset = 0;
      answer.length = answer.content->size();
      return;
    case Fault::etag_changed:
      if (!sending.request.header("If-Match").empty())
        answer = error_answer(412, "PreconditionFailed", "The object is another one");
      else
        set_header(answer, "ETag", "\"another" + std::to_string(random % 100) + "\"");
      return;
    case Fault::error_in_200: {
      answer = error_answer(200, "InternalError", "We encountered an internal error.");
      return;
    }
    case Fault::empty_etag: {
      std::string body(answer.body());
      const std::size_t begin = body.find("<ETag>");
      const std::size_t end = body.find("</ETag>");
      if (begin == std::string::npos || end == std::string::npos) return;
      answer.set_body(body.erase(begin + 6, end - begin - 6));
      return;
    }
    default:
      return;
  }
}

std::string head_of(const Sending& sending, const HttpAnswer& answer) {
  std::string head = head_text(answer.status, answer.headers);
  const std::uint64_t random = sending.choice.random;
  const std::size_t change = 1 + part_of(answer.length, random);
  switch (sending.choice.fault) {
    case Fault::chunked:
      return head + "Transfer-Encoding: chunked\r\n\r\n";
    case Fault::length_missing:
    case Fault::truncated_no_length:
      return head + "Connection: close\r\n\r\n";
    case Fault::length_too_long:
      return head + fmt::format("Content-Length: {}\r\n\r\n", answer.length + change);
    case Fault::length_too_short:
      return head + fmt::format("Content-Length: {}\r\n\r\n",
                                answer.length - std::min(change, answer.length));
    case Fault::connection_close:
      head += "Connection: close\r\n";
      break;
    case Fault::stray_bytes:
      if (sending.parsed.kind == Kind::head && answer.status == 404)
        return head + "Transfer-Encoding: chunked\r\n\r\n";
      break;
    case Fault::header_flood:
      for (std::size_t i = 0; head.size() < flood_bytes; ++i)
        head += fmt::format("x-amz-meta-{}: {}\r\n", i, std::string(80, 'x'));
      break;
    case Fault::informational:
      head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + head;
      break;
    default:
      break;
  }
  if (answer.status != 204) head += fmt::format("Content-Length: {}\r\n", answer.length);
  return head + "\r\n";
}

bool send_chunks(Wire& wire, std::string_view body, std::uint64_t random) {
  while (!body.empty()) {
    const std::size_t bytes = std::min<std::size_t>(1 + (random >> 8) % 200'000, body.size());
    if (!wire.send(fmt::format("{:x}\r\n", bytes)) || !wire.send(body.substr(0, bytes)) ||
        !wire.send("\r\n"))
      return false;
    body.remove_prefix(bytes);
  }
  return wire.send("0\r\n\r\n");
}

bool send_trickle(Wire& wire, Pause& pause, const Sending& sending, std::string_view body) {
  const std::size_t bytes = body.size() / trickle_pieces + 1;
  while (!body.empty()) {
    const std::size_t piece = std::min(bytes, body.size());
    if (!wire.send(body.substr(0, piece)) || !pause.wait(sending.mix.trickle)) return false;
    body.remove_prefix(piece);
  }
  return true;
}

// Nothing more, until the peer or the time ends.
bool stall(Wire& wire, Pause& pause, std::chrono::milliseconds time) {
  constexpr std::chrono::milliseconds step{20};
  for (; time.count() > 0 && !wire.wait_readable(0); time -= step)
    if (!pause.wait(step)) break;
  wire.reset();
  return false;
}

bool send_endless_header(Wire& wire) {
  const std::string piece(16 * 1024, 'x');
  if (!wire.send("HTTP/1.1 200 OK\r\nx-amz-meta-endless: ")) return false;
  for (std::size_t sent = 0; sent < endless_bytes; sent += piece.size())
    if (!wire.send(piece)) return false;
  return false;
}

bool send_body(Wire& wire, Pause& pause, const Sending& sending, std::string_view body) {
  const std::uint64_t random = sending.choice.random;
  const std::string_view part = body.substr(0, part_of(body.size(), random));
  switch (sending.choice.fault) {
    case Fault::chunked:
      return send_chunks(wire, body, random);
    case Fault::trickle:
      return send_trickle(wire, pause, sending, body);
    case Fault::reset_after_head:
      wire.reset();
      return false;
    case Fault::reset_mid_body:
      wire.send(part);
      wire.reset();
      return false;
    case Fault::stall_mid_body:
      wire.send(part);
      return stall(wire, pause, sending.mix.stall);
    case Fault::truncated:
    case Fault::truncated_no_length:
      wire.send(part);
      return false;
    case Fault::length_missing:
    case Fault::length_too_long:
    case Fault::connection_close:
      wire.send(body);
      return false;
    case Fault::stray_bytes:
      return wire.send(body) && wire.send("0\r\n\r\n");
    default:
      return wire.send(body);
  }
}

}  // namespace

bool Pause::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, stop_, time, [] { return false; });
  return !stop_.stop_requested();
}

bool replaces_answer(const Choice& choice) {
  switch (choice.fault) {
    case Fault::slow_down:
    case Fault::slow_down_retry_after:
    case Fault::too_many_requests:
    case Fault::redirect_permanent:
    case Fault::redirect_temporary:
      return true;
    case Fault::error_500:
    case Fault::garbage:
    case Fault::stall:
    case Fault::reset_before_head:
    case Fault::error_in_200:
      return choice.random % 2 == 0;
    default:
      return false;
  }
}

void damage_request(HttpRequest& request, const Choice& choice) {
  if (choice.fault != Fault::flipped_bit || request.body.empty()) return;
  char& byte = request.body[choice.random % request.body.size()];
  byte = static_cast<char>(byte ^ (1 << (choice.random >> 60) % 8));
}

bool send_answer(Wire& wire, Pause& pause, const Sending& sending, HttpAnswer right) {
  switch (sending.choice.fault) {
    case Fault::error_500:
    case Fault::slow_down:
    case Fault::slow_down_retry_after:
    case Fault::too_many_requests:
    case Fault::redirect_permanent:
    case Fault::redirect_temporary:
      right = replacement(sending.choice);
      break;
    case Fault::garbage:
      wire.send("SSH-2.0-OpenSSH_9.2\r\n\r\n");
      return false;
    case Fault::reset_before_head:
      wire.reset();
      return false;
    case Fault::stall:
      return stall(wire, pause, sending.mix.stall);
    case Fault::endless_header:
      return send_endless_header(wire);
    case Fault::delay: {
      const auto most = static_cast<std::uint64_t>(sending.mix.delay.count());
      if (!pause.wait(std::chrono::milliseconds(1 + sending.choice.random % (most + 1))))
        return false;
      break;
    }
    default:
      damage_answer(sending, right);
  }
  const bool has_body = sending.parsed.kind != Kind::head && right.status != 204;
  if (!wire.send(head_of(sending, right))) return false;
  return send_body(wire, pause, sending, has_body ? right.body() : std::string_view());
}

}  // namespace restored::s3_server
