#include "control_probe.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

#include "socket.h"

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;

// The pace keeps the clients from being the load themselves, and four of them below the rate that
// the agent allows one token (500 a second).
constexpr auto pace = std::chrono::milliseconds(10);

std::unexpected<Error> failed(const std::string& what) {
  return fail(ErrorCode::connection_failed, fmt::format("{}: {}", what, std::strerror(errno)));
}

// Of "Content-Length: 17" in the head of an answer; 0 without one.
std::size_t body_bytes(const std::string& head) {
  constexpr std::string_view name = "\r\nContent-Length: ";
  const std::size_t at = head.find(name);
  std::size_t bytes = 0;
  if (at != std::string::npos)
    std::from_chars(head.data() + at + name.size(), head.data() + head.size(), bytes);
  return bytes;
}

}  // namespace

Result<ControlConnection> ControlConnection::open(const std::string& socket_path,
                                                  std::string token) {
  RESTORED_TRY(UniqueFd socket, connect_to_path(socket_path));
  return ControlConnection(std::move(socket), std::move(token));
}

Result<void> ControlConnection::send(const std::string& request) {
  for (std::size_t sent = 0; sent < request.size();) {
    const ::ssize_t count =
        ::send(socket_.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return failed("sending to the control socket");
    sent += static_cast<std::size_t>(count);
  }
  return {};
}

Result<std::string> ControlConnection::receive() {
  std::string answer;
  std::array<char, 16384> buffer;
  std::size_t head = std::string::npos;
  while (head == std::string::npos ||
         answer.size() < head + 4 + body_bytes(answer.substr(0, head + 2))) {
    const ::ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) return failed("reading from the control socket");
    answer.append(buffer.data(), static_cast<std::size_t>(count));
    if (head == std::string::npos) head = answer.find("\r\n\r\n");
  }
  return answer;
}

Result<void> ControlConnection::ask(const std::string& method, const std::string& path,
                                    const std::string& body) {
  RESTORED_TRY(
      send(fmt::format("{} {} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n"
                       "Content-Length: {}\r\n\r\n{}",
                       method, path, token_, body.size(), body)));
  RESTORED_TRY(const std::string answer, receive());
  if (answer.starts_with("HTTP/1.1 2")) return {};
  return fail(ErrorCode::invalid_request, fmt::format("{} {}: {}", method, path, answer));
}

double Latencies::at(double quantile) const {
  if (seconds.empty()) return 0;
  std::vector<double> sorted = seconds;
  const auto place = sorted.begin() +
                     static_cast<std::ptrdiff_t>(quantile * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), place, sorted.end());
  return *place;
}

boost::json::object to_json(const Latencies& latencies) {
  return {{"requests", latencies.seconds.size()},
          {"median_seconds", latencies.at(0.5)},
          {"p99_seconds", latencies.at(0.99)},
          {"longest_seconds", latencies.at(1)}};
}

ControlProbe::ControlProbe(const std::string& socket_path, const std::string& token,
                           unsigned clients, std::vector<ControlRequest> requests)
    : requests_(std::move(requests)) {
  for (unsigned client = 0; client < clients; ++client) {
    clients_.emplace_back([this, socket_path, token, client](const std::stop_token& stop) {
      run(stop, socket_path, token, client);
    });
  }
}

ControlReport ControlProbe::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(report_, {});
}

void ControlProbe::run(const std::stop_token& stop, const std::string& socket_path,
                       const std::string& token, unsigned client) {
  Result<ControlConnection> connection = ControlConnection::open(socket_path, token);
  if (!connection) return note({}, 0, std::unexpected(connection.error()));
  auto next = Clock::now();
  for (std::size_t count = client; !stop.stop_requested(); ++count) {
    // The pace of a load, not a way to wait for something.
    std::this_thread::sleep_until(next);
    next = std::max(next + pace, Clock::now());
    const ControlRequest& request = requests_[count % requests_.size()];
    const auto begin = Clock::now();
    const Result<void> done = connection->ask(request.method, request.path, request.body);
    note(request, std::chrono::duration<double>(Clock::now() - begin).count(), done);
    if (!done) return;
  }
}

void ControlProbe::note(const ControlRequest& request, double seconds, const Result<void>& done) {
  const std::lock_guard lock(mutex_);
  if (!done) {
    if (report_.first_failure.empty()) report_.first_failure = done.error().message;
    return;
  }
  (request.method == "GET" ? report_.reading : report_.changing).seconds.push_back(seconds);
}

}  // namespace restored::bench
