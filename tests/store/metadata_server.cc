#include "metadata_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/check.h"

namespace restored::store {
namespace {

std::string reply(const MetadataAnswer& answer) {
  if (answer.chunked)
    return fmt::format(
        "HTTP/1.1 {} X\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{:x}\r\n{}\r\n"
        "0\r\n\r\n",
        answer.status, answer.body.size(), answer.body);
  return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                     answer.status, answer.body.size(), answer.body);
}

}  // namespace

MetadataServer::MetadataServer()
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      handler_([](const MetadataRequest&) { return MetadataAnswer{404, {}}; }) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool ready = listener_ && ::bind(listener_.get(), generic, size) == 0 &&
                     ::listen(listener_.get(), 64) == 0 &&
                     ::getsockname(listener_.get(), generic, &size) == 0;
  RESTORED_CHECK(ready, "a loopback port for a test");
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

MetadataServer::~MetadataServer() {
  thread_.request_stop();
  thread_.join();
}

std::string MetadataServer::url() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

void MetadataServer::answer_with(Handler handler) {
  const std::scoped_lock lock(mutex_);
  handler_ = std::move(handler);
}

std::vector<std::string> MetadataServer::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

std::size_t MetadataServer::refreshes() const {
  const std::vector<std::string> lines = requests();
  return static_cast<std::size_t>(std::ranges::count(lines, "PUT /latest/api/token"));
}

void MetadataServer::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd waiting{listener_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 10) != 1) continue;
    const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) continue;
    const timeval patience{5, 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    serve_one(client.get());
  }
}

void MetadataServer::serve_one(int client) {
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    char bytes[4096];
    const ssize_t got = ::recv(client, bytes, sizeof bytes, 0);
    if (got <= 0) return;
    head.append(bytes, static_cast<std::size_t>(got));
  }
  MetadataRequest request;
  request.line = head.substr(0, head.find(" HTTP/1.1\r\n"));
  request.head = head;
  std::ranges::transform(request.head, request.head.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  Handler handler;
  {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(request.line);
    handler = handler_;
  }
  const std::string bytes = reply(handler(request));
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t sent = ::send(client, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
}

MetadataServer::Handler good_metadata(std::string key_id, std::string expiration) {
  return [key_id = std::move(key_id),
          expiration = std::move(expiration)](const MetadataRequest& request) -> MetadataAnswer {
    const auto has = [&](std::string_view text) {
      return request.head.find(text) != std::string::npos;
    };
    if (request.line == "PUT /latest/api/token")
      return has("x-aws-ec2-metadata-token-ttl-seconds: ") ? MetadataAnswer{200, "the-token=="}
                                                           : MetadataAnswer{400, {}};
    if (!has("x-aws-ec2-metadata-token: the-token==")) return {401, {}};
    if (request.line == "GET /latest/meta-data/iam/security-credentials/") return {200, "role+1\n"};
    if (request.line == "GET /latest/meta-data/iam/security-credentials/role%2B1")
      return {200, fmt::format(R"({{"Code" : "Success", "Type" : "AWS-HMAC", "AccessKeyId" : "{}",
"SecretAccessKey" : "wJalr\/XUtnFEMI", "Token" : "session", "Expiration" : "{}"}})",
                               key_id, expiration)};
    return {404, {}};
  };
}

}  // namespace restored::store
