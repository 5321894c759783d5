#include "link_proxy.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <utility>

#include "socket.h"

namespace restored::bench {
namespace {

constexpr std::size_t pipe_bytes = 256 * 1024;

struct Pipe {
  UniqueFd out;
  UniqueFd in;

  static std::optional<Pipe> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    ::fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes);  // refused to some users: then it is smaller
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
};

// What has arrived at `source` goes to `target`. How many bytes; 0 at the end of either.
std::uint64_t pass_on(int source, int target, const Pipe& pipe) {
  const ::ssize_t arrived =
      ::splice(source, nullptr, pipe.in.get(), nullptr, pipe_bytes, SPLICE_F_MOVE);
  for (::ssize_t left = arrived; left > 0;) {
    const ::ssize_t passed = ::splice(pipe.out.get(), nullptr, target, nullptr,
                                      static_cast<std::size_t>(left), SPLICE_F_MOVE);
    if (passed <= 0) return 0;
    left -= passed;
  }
  return arrived < 0 ? 0 : static_cast<std::uint64_t>(arrived);
}

}  // namespace

// A client's connection and the one that was made for it.
struct LinkProxy::Pair {
  UniqueFd client;
  UniqueFd server;
  std::jthread thread;  // last: it uses the rest

  void end() const {
    ::shutdown(client.get(), SHUT_RDWR);
    ::shutdown(server.get(), SHUT_RDWR);
  }
};

LinkProxy::LinkProxy(net::Endpoint target, const Link& link)
    : target_(std::move(target)), delay_(link.delay), bandwidth_(link.bytes_per_second) {}

Result<std::unique_ptr<LinkProxy>> LinkProxy::start(net::Endpoint target, const Link& link) {
  std::unique_ptr<LinkProxy> proxy(new LinkProxy(std::move(target), link));
  RESTORED_TRY(proxy->listener_, listen_on_loopback(proxy->port_));
  proxy->accepting_ = std::jthread([raw = proxy.get()] { raw->accept_all(); });
  return proxy;
}

LinkProxy::~LinkProxy() {
  stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);  // wakes accept()
  if (accepting_.joinable()) accepting_.join();
  for (const auto& pair : pairs_) pair->end();
}

std::string LinkProxy::endpoint() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

void LinkProxy::accept_all() {
  while (!stopping_) {
    auto pair = std::make_unique<Pair>();
    pair->client = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!pair->client) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // out of descriptors, perhaps
      continue;
    }
    auto server = connect_to(target_);
    if (!server) continue;  // the client sees its connection end
    pair->server = std::move(*server);
    const std::lock_guard lock(mutex_);
    Pair& placed = *pairs_.emplace_back(std::move(pair));
    placed.thread = std::jthread([this, &placed] { carry(placed); });
  }
}

void LinkProxy::carry(Pair& pair) {
  const auto pipe = Pipe::make();
  bool asked = false;
  while (pipe) {
    std::array<::pollfd, 2> ready{{{pair.client.get(), POLLIN, 0}, {pair.server.get(), POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0) break;
    if (ready[0].revents != 0) {
      if (pass_on(pair.client.get(), pair.server.get(), *pipe) == 0) break;
      asked = true;
    }
    if (ready[1].revents != 0) {
      if (std::exchange(asked, false)) std::this_thread::sleep_for(delay_);  // the delay itself
      const std::uint64_t passed = pass_on(pair.server.get(), pair.client.get(), *pipe);
      if (passed == 0 || !bandwidth_.take(passed, {})) break;
    }
  }
  pair.end();
}

}  // namespace restored::bench
