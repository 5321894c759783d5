#include "net/http_client.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "net/address_choice.h"
#include "net/connection_pool.h"
#include "net/exchange.h"
#include "net/name_resolver.h"
#include "net/patience.h"
#include "net/request_head.h"
#include "net/tcp_stream.h"
#include "net/tls_stream.h"

namespace restored::net {
namespace {

using Connected = std::expected<std::unique_ptr<Stream>, Failure>;

// Another address may do better; not so when the peer is wrong, or when nobody waits any more.
bool next_may_help(Failure::Kind kind) {
  return kind == Failure::Kind::connect_failed;
}

}  // namespace

struct HttpClient::State {
  State(ClientOptions given, std::unique_ptr<TlsContext> context)
      : options(std::move(given)),
        tls(std::move(context)),
        resolver(options.endpoint.host, options.endpoint.port),
        pool(options.idle, options.idle_connections_max) {}

  Connected connect(Patience& patience);
  Connected connect_to(const Address& address, Patience& patience, Time until);

  const ClientOptions options;
  const std::unique_ptr<TlsContext> tls;  // null: plain
  NameResolver resolver;
  AddressChoice choice;
  ConnectionPool pool;
  std::atomic<std::uint64_t> connections_made{0};
};

Connected HttpClient::State::connect_to(const Address& address, Patience& patience, Time until) {
  auto tcp = TcpStream::connect(address, patience, until);
  if (!tcp) return std::unexpected(std::move(tcp).error());
  if (tls != nullptr) return tls->handshake(*std::move(tcp), patience, until);
  return std::make_unique<TcpStream>(*std::move(tcp));
}

Connected HttpClient::State::connect(Patience& patience) {
  const Time end = now() + patience.limits().connect;
  auto found = resolver.get(patience.stop(), std::min(end, patience.deadline()));
  if (!found) return std::unexpected(std::move(found).error());
  const std::vector<Address> addresses = choice.order(*std::move(found));
  Failure last;
  for (std::size_t index = 0; index < addresses.size(); ++index) {
    // One that does not answer leaves time for the others.
    const auto share = (end - now()) / static_cast<int>(addresses.size() - index);
    const Address& address = addresses[index];
    auto connected = connect_to(address, patience, now() + share);
    if (connected) {
      ++connections_made;
      return connected;
    }
    last = std::move(connected).error();
    const std::string text = address.text();
    if (text != options.endpoint.host) last.message.insert(0, text + ": ");
    if (!next_may_help(last.kind)) break;
    choice.failed(address);
  }
  if (addresses.size() > 1 && next_may_help(last.kind)) {
    last.message += fmt::format(" (the last of {} addresses)", addresses.size());
  }
  return std::unexpected(std::move(last));
}

Result<std::unique_ptr<HttpClient>> HttpClient::make(ClientOptions options) {
  std::unique_ptr<TlsContext> tls;
  if (options.endpoint.tls) {
    RESTORED_TRY(tls, TlsContext::make(options.endpoint.host, options.ca_file));
  }
  auto state = std::make_unique<State>(std::move(options), std::move(tls));
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::~HttpClient() = default;

std::expected<Response, Failure> HttpClient::send(const Request& request, const Target& target,
                                                  const Limits& limits, std::stop_token stop) {
  const auto named = [this](Failure failure) {
    failure.message = fmt::format("{}: {}", endpoint().text(), failure.message);
    return std::unexpected(std::move(failure));
  };
  if (auto wrong = objection(request)) return named(*std::move(wrong));
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return named({Failure::Kind::connect_failed, "eventfd: " + errno_text(errno)});
  Patience patience(std::move(wake), limits, std::move(stop));
  if (const auto over = patience.over()) return named(patience.failure(*over, "beginning"));

  std::unique_ptr<Stream> stream = state_->pool.take();
  const bool kept = stream != nullptr;
  if (!kept) {
    auto connected = state_->connect(patience);
    if (!connected) return named(std::move(connected).error());
    stream = *std::move(connected);
  }
  Exchange exchange(*stream, request, target, patience, kept);
  auto response = exchange.run();
  if (exchange.reusable()) state_->pool.give(std::move(stream));
  if (!response) return named(std::move(response).error());
  return response;
}

const Endpoint& HttpClient::endpoint() const {
  return state_->options.endpoint;
}

std::uint64_t HttpClient::connections_made() const {
  return state_->connections_made.load();
}

}  // namespace restored::net
