#include "s3_server/upstream.h"

#include <fmt/format.h>
#include <netdb.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

namespace restored::s3_server {
namespace {

// Those of the connection, which this server sets itself.
bool is_framing(const std::string& name) {
  return ::strcasecmp(name.c_str(), "Content-Length") == 0 ||
         ::strcasecmp(name.c_str(), "Transfer-Encoding") == 0 ||
         ::strcasecmp(name.c_str(), "Connection") == 0;
}

}  // namespace

Upstream::Upstream(std::string address)
    : host_(address.substr(0, address.rfind(':'))), port_(address.substr(address.rfind(':') + 1)) {}

bool Upstream::connect() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host_.c_str(), port_.c_str(), &hints, &found) != 0) return false;
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = fd >= 0 && ::connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  ::freeaddrinfo(found);
  if (!connected) {
    if (fd >= 0) ::close(fd);
    return false;
  }
  wire_ = std::make_unique<Wire>(fd);
  return true;
}

std::optional<AnswerHead> Upstream::ask(const HttpRequest& request) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
  for (const auto& [name, value] : request.headers)
    if (!is_framing(name)) head += fmt::format("{}: {}\r\n", name, value);
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST")
    head += fmt::format("Content-Length: {}\r\n", request.body.size());
  head += "\r\n";
  // The second time because a kept connection may have ended in the meantime.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const bool kept = wire_ != nullptr;
    if (!kept && !connect()) return std::nullopt;
    if (wire_->send(head) && wire_->send(request.body)) {
      if (auto answered = wire_->read_answer_head()) return answered;
    }
    wire_.reset();
    if (!kept) return std::nullopt;
  }
  return std::nullopt;
}

bool Upstream::pass_body(const AnswerHead& head, bool has_body, Wire& target) {
  if (!has_body) return target.send(head.text);
  if (!head.content_length || head.chunked) {
    const auto answer = whole(head, has_body);
    return answer &&
           target.send(head_text(answer->status, answer->headers) +
                       fmt::format("Content-Length: {}\r\n\r\n", answer->length)) &&
           target.send(answer->body());
  }
  return target.send(head.text) && wire_->move_to(target, *head.content_length);
}

std::optional<HttpAnswer> Upstream::whole(const AnswerHead& head, bool has_body) {
  auto body = wire_->read_body(head, has_body);
  if (!body) return std::nullopt;
  if (has_body && !head.chunked && !head.content_length) wire_.reset();
  HttpAnswer answer;
  answer.status = head.status;
  for (const auto& [name, value] : head.headers)
    if (!is_framing(name)) answer.headers.emplace_back(name, value);
  answer.set_body(std::move(*body));
  // What a HEAD says of the body that it does not have.
  if (!has_body && head.content_length) answer.length = *head.content_length;
  return answer;
}

}  // namespace restored::s3_server
