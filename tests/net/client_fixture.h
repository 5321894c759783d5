// What the tests of the client share: short ways to make one, and to ask it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "scripted_server.h"

namespace restored::net_test {

using namespace std::chrono_literals;
using net::Failure;
using net::HttpClient;
using Kind = net::Failure::Kind;
using Answer = std::expected<net::Response, net::Failure>;

inline constexpr net::Limits usual_limits{5s, 10s, 20s};
inline constexpr std::string_view secret = "AWS4-HMAC-SHA256 do-not-tell";

inline net::ClientOptions options_for(std::uint16_t port, const std::string& host = "127.0.0.1") {
  net::ClientOptions options;
  options.endpoint = {false, host, port};
  return options;
}

inline std::unique_ptr<HttpClient> make_client(net::ClientOptions options) {
  auto client = HttpClient::make(std::move(options));
  EXPECT_TRUE(client.has_value());
  return client ? *std::move(client) : nullptr;
}

inline std::unique_ptr<HttpClient> client_for(const ScriptedServer& server) {
  return make_client(options_for(server.port()));
}

inline net::Request request(std::string method, std::span<const std::byte> body = {}) {
  net::Request made;
  made.method = std::move(method);
  made.target = "/bucket/key?part=1";
  made.headers = {{"Host", "store.test"}, {"Authorization", std::string(secret)}};
  made.body = body;
  return made;
}

inline net::Target collect(std::size_t bytes_max = 1 << 20) {
  net::Target target;
  target.collect_bytes_max = bytes_max;
  return target;
}

// Memory for a body, and how much of it arrived.
struct Body {
  explicit Body(std::size_t bytes) : memory(bytes) {}

  net::Target target() {
    net::Target made;
    made.choose = [this](const net::ResponseHead&) { return std::optional(std::span(memory)); };
    made.arrived = [this](std::size_t bytes) { arrived += bytes; };
    return made;
  }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(memory.data()), memory.size()};
  }

  std::vector<std::byte> memory;
  std::size_t arrived = 0;
};

// Bytes of which no part looks like another.
inline std::string pattern(std::size_t bytes) {
  std::string made(bytes, '\0');
  std::uint64_t state = 0x9e3779b97f4a7c15;
  for (char& one : made) {
    state = state * 6364136223846793005 + 1442695040888963407;
    one = static_cast<char>(state >> 56);
  }
  return made;
}

inline std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// One answer to each request, for ever.
inline ScriptedServer::Script always(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) {
    while (!peer.read_head().empty() && peer.send(answer)) {
    }
  };
}

// Answers the first request so, and then ends the connection.
inline ScriptedServer::Script once(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) {
    peer.read_head();
    peer.send(answer);
  };
}

inline Answer ask(HttpClient& client, const net::Target& target, net::Limits limits = usual_limits,
                  std::stop_token stop = {}) {
  return client.send(request("GET"), target, limits, std::move(stop));
}

inline Answer ask(HttpClient& client) {
  return ask(client, collect());
}

// What a GET of a server that answers so ends with.
inline Answer answer_to_get(std::string answer, net::Target target = collect()) {
  const ScriptedServer server(once(std::move(answer)));
  return ask(*client_for(server), target);
}

inline void expect_failure(const Answer& answer, Kind kind, std::string_view words = "") {
  ASSERT_FALSE(answer.has_value()) << answer->head.status << " " << answer->body;
  EXPECT_EQ(answer.error().kind, kind) << answer.error().message;
  EXPECT_NE(answer.error().message.find(words), std::string::npos) << answer.error().message;
  EXPECT_EQ(answer.error().message.find(secret), std::string::npos) << answer.error().message;
}

class Stopwatch {
 public:
  std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 begin_);
  }

 private:
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace restored::net_test
