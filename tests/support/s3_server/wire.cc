#include "s3_server/wire.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace restored::s3_server {
namespace {

constexpr std::size_t head_bytes_max = 64 * 1024;
constexpr std::size_t body_bytes_max = 1024ul * 1024 * 1024;
constexpr int pipe_bytes = 1024 * 1024;

bool same(std::string_view one, std::string_view other) {
  return one.size() == other.size() && ::strncasecmp(one.data(), other.data(), one.size()) == 0;
}

std::optional<std::size_t> number(std::string_view text, int base = 10) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The lines after the first one.
Headers parse_headers(std::string_view text) {
  Headers headers;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    headers.emplace_back(line.substr(0, colon), value);
  }
  return headers;
}

}  // namespace

std::string_view header_of(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (same(key, name)) return value;
  return {};
}

std::string head_text(unsigned status, const Headers& headers) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", status, status < 300 ? "Yes" : "No");
  for (const auto& [name, value] : headers) text += fmt::format("{}: {}\r\n", name, value);
  return text;
}

Wire::Wire(int fd) : fd_(fd) {
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Wire::~Wire() {
  end();
  for (const int end : pipe_)
    if (end >= 0) ::close(end);
}

bool Wire::fill() {
  std::array<char, 256 * 1024> piece;
  const ssize_t got = ::recv(fd_, piece.data(), piece.size(), 0);
  if (got <= 0) return false;
  buffer_.append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> Wire::read_head() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (buffer_.size() > head_bytes_max || !fill()) return std::nullopt;
  std::string head = buffer_.substr(0, end + 4);
  buffer_.erase(0, end + 4);
  return head;
}

std::optional<std::string> Wire::read_exactly(std::size_t bytes) {
  if (bytes > body_bytes_max) return std::nullopt;
  std::string body = buffer_.substr(0, bytes);
  buffer_.erase(0, body.size());
  std::size_t done = body.size();
  body.resize(bytes);
  while (done < bytes) {
    const ssize_t got = ::recv(fd_, body.data() + done, bytes - done, 0);
    if (got <= 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
  }
  return body;
}

std::optional<std::string> Wire::read_chunks() {
  std::string body;
  for (;;) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos)
      if (!fill()) return std::nullopt;
    const auto bytes =
        number(std::string_view(buffer_).substr(0, std::min(end, buffer_.find(';'))), 16);
    buffer_.erase(0, end + 2);
    if (!bytes || body.size() + *bytes > body_bytes_max) return std::nullopt;
    const auto chunk = read_exactly(*bytes + 2);
    if (!chunk) return std::nullopt;
    if (*bytes == 0) return body;
    body.append(*chunk, 0, *bytes);
  }
}

std::optional<HttpRequest> Wire::read_request() {
  const auto head = read_head();
  if (!head) return std::nullopt;
  const std::size_t line = head->find("\r\n");
  const std::size_t method = head->find(' ');
  const std::size_t target = head->find(' ', method + 1);
  if (target == std::string::npos || target > line) return std::nullopt;
  HttpRequest request{.method = head->substr(0, method),
                      .target = head->substr(method + 1, target - method - 1),
                      .headers = parse_headers(std::string_view(*head).substr(line + 2)),
                      .body = {}};
  if (!request.header("Expect").empty()) {
    send("HTTP/1.1 100 Continue\r\n\r\n");
    std::erase_if(request.headers, [](const auto& one) { return same(one.first, "Expect"); });
  }
  const std::string_view length = request.header("Content-Length");
  std::optional<std::string> body = "";
  if (same(request.header("Transfer-Encoding"), "chunked"))
    body = read_chunks();
  else if (!length.empty())
    body = number(length) ? read_exactly(*number(length)) : std::nullopt;
  if (!body) return std::nullopt;
  request.body = std::move(*body);
  return request;
}

std::optional<AnswerHead> Wire::read_answer_head() {
  for (;;) {
    auto text = read_head();
    if (!text || text->size() < 12) return std::nullopt;
    const auto status = number(std::string_view(*text).substr(9, 3));
    if (!status) return std::nullopt;
    if (*status < 200) continue;
    AnswerHead head;
    head.status = static_cast<unsigned>(*status);
    head.headers = parse_headers(std::string_view(*text).substr(text->find("\r\n") + 2));
    head.content_length = number(header_of(head.headers, "Content-Length"));
    head.chunked = same(header_of(head.headers, "Transfer-Encoding"), "chunked");
    head.text = std::move(*text);
    return head;
  }
}

std::optional<std::string> Wire::read_body(const AnswerHead& head, bool has_body) {
  if (!has_body) return "";
  if (head.chunked) return read_chunks();
  if (head.content_length) return read_exactly(*head.content_length);
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

bool Wire::move_to(Wire& target, std::size_t bytes) {
  const std::size_t buffered = std::min(bytes, buffer_.size());
  if (!target.send(std::string_view(buffer_).substr(0, buffered))) return false;
  buffer_.erase(0, buffered);
  bytes -= buffered;
  if (bytes > 0 && pipe_[0] < 0) {
    if (::pipe2(pipe_, O_CLOEXEC) != 0) return false;
    ::fcntl(pipe_[1], F_SETPIPE_SZ, pipe_bytes);
  }
  while (bytes > 0) {
    const std::size_t most = std::min<std::size_t>(bytes, pipe_bytes);
    ssize_t in_pipe = ::splice(fd_, nullptr, pipe_[1], nullptr, most, SPLICE_F_MOVE);
    if (in_pipe <= 0) return false;
    bytes -= static_cast<std::size_t>(in_pipe);
    while (in_pipe > 0) {
      const unsigned more = bytes > 0 ? SPLICE_F_MORE : 0;
      const ssize_t out = ::splice(pipe_[0], nullptr, target.fd_, nullptr,
                                   static_cast<std::size_t>(in_pipe), SPLICE_F_MOVE | more);
      if (out <= 0) return false;
      in_pipe -= out;
    }
  }
  return true;
}

bool Wire::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Wire::wait_readable(int millis) {
  pollfd ready{fd_, POLLIN, 0};
  return !buffer_.empty() || ::poll(&ready, 1, millis) > 0;
}

void Wire::reset() {
  // A close with this option set sends a reset.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Wire::end() {
  const std::scoped_lock lock(mutex_);
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Wire::shut_down() {
  const std::scoped_lock lock(mutex_);
  if (fd_ >= 0) ::shutdown(fd_, SHUT_RDWR);
}

}  // namespace restored::s3_server
