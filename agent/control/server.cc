#include "control/server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <exception>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "control/answers.h"
#include "control/call.h"
#include "control/event_feed.h"
#include "control/listener.h"
#include "control/session.h"
#include "control/workers.h"

namespace restored::control {
namespace {

namespace asio = boost::asio;

using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// Before there is a request, so it is the first surface's. Fits into any socket's buffer, so it can
// be sent without waiting.
std::string full_answer(std::size_t clients) {
  const Error error{ErrorCode::too_many_clients,
                    fmt::format("{} clients are connected, which is the limit", clients),
                    {}};
  const Response response = error_answer(error, Surface::first, {});
  std::string text = fmt::format(
      "HTTP/1.1 {} Service Unavailable\r\nX-Request-Id: {}\r\nContent-Type: {}\r\n"
      "Content-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n",
      response.status, random_id(16), response.content_type, response.body.size());
  for (const auto& [name, value] : response.headers) text += fmt::format("{}: {}\r\n", name, value);
  return text + "\r\n" + response.body;
}

// Streams are open for long: they leave connections for those who ask, above all for a cancel.
EventOptions event_options(const ControlOptions& options) {
  EventOptions events = options.events;
  events.streams_max = std::min(events.streams_max, options.clients_max * 3 / 4);
  return events;
}

class Server final : public ControlServer {
 public:
  Server(Engine& engine, ControlOptions options)
      : options_(std::move(options)),
        site_{engine, options_.data, false, RequestRate(options_.requests_per_second)},
        handlers_{Workers("control-memory", options_.worker_threads),
                  Workers("control-disk", options_.worker_threads),
                  Workers("control-store", options_.worker_threads), Workers("control-cancel", 1)},
        waiters_("control-wait", limits::http_waiters_max),
        events_(context_, engine, event_options(options_)),
        host_{site_, handlers_, waiters_, events_, options_} {}
  ~Server() override { stop(); }

  Result<void> listen();
  void run();

  void stop() override;
  void set_ready(bool ready) override { site_.ready = ready; }
  std::vector<std::string> addresses() const override;

 private:
  asio::awaitable<void> accept(std::size_t index);
  void admit(ClientSocket socket, int family);
  void begin_stop();

  const ControlOptions options_;
  Site site_;
  std::array<Workers, reaches> handlers_;
  Workers waiters_;
  std::vector<Listener> listeners_;  // fixed once the thread runs

  // Socket thread only.
  asio::io_context context_{1};
  asio::steady_timer drained_{context_};
  EventFeed events_;
  SessionHost host_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::set<std::shared_ptr<Session>> sessions_;

  std::once_flag stopped_;
  std::thread thread_;
};

Result<void> Server::listen() {
  for (const int fd : options_.inherited_sockets) {
    RESTORED_TRY(Listener listener, adopt(fd, options_));
    listeners_.push_back(std::move(listener));
  }
  for (const std::string& address : options_.listen) {
    const auto same = [&](const Listener& adopted) { return adopted.address == address; };
    if (std::ranges::any_of(listeners_, same)) continue;
    RESTORED_TRY(Listener listener, listen_on(address, options_));
    listeners_.push_back(std::move(listener));
  }
  if (!listeners_.empty()) return {};
  return fail(ErrorCode::invalid_configuration, "the control server has no address to listen on");
}

void Server::run() {
  for (std::size_t index = 0; index < listeners_.size(); ++index) {
    const asio::generic::stream_protocol protocol(listeners_[index].family, 0);
    auto acceptor = std::make_unique<Acceptor>(context_);
    acceptor->assign(protocol, listeners_[index].fd.release());
    acceptors_.push_back(std::move(acceptor));
    log::info("control", "listening on {}", listeners_[index].address);
  }
  for (std::size_t index = 0; index < acceptors_.size(); ++index) {
    asio::co_spawn(context_, accept(index), asio::detached);
  }
  thread_ = std::thread([this] { context_.run(); });
  pthread_setname_np(thread_.native_handle(), "control-io");
}

asio::awaitable<void> Server::accept(std::size_t index) {
  Acceptor& acceptor = *acceptors_[index];
  const int family = listeners_[index].family;
  asio::steady_timer pause(context_);
  bool noted = false;
  while (acceptor.is_open()) {
    ClientSocket socket(context_);
    const auto [error] = co_await acceptor.async_accept(socket, as_result);
    if (!acceptor.is_open()) break;
    if (!error) {
      admit(std::move(socket), family);
      noted = false;
      continue;
    }
    if (error == asio::error::connection_aborted || error == asio::error::interrupted) continue;
    // No descriptor or no memory: the client stays in the queue, and asking again at once would
    // spin until something is closed.
    if (!std::exchange(noted, true)) {
      log::warning("control", "accept on {}: {}", listeners_[index].address, error.message());
    }
    pause.expires_after(std::chrono::milliseconds(limits::http_accept_pause_millis));
    [[maybe_unused]] const auto cancelled = co_await pause.async_wait(as_result);
  }
}

void Server::admit(ClientSocket socket, int family) {
  const int fd = socket.native_handle();
  if (sessions_.size() >= options_.clients_max) {
    const std::string answer = full_answer(sessions_.size());
    ::send(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    log::warning("control", "{} clients are connected, one more was turned away", sessions_.size());
    return;
  }
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // What is sent to a client that has vanished lies in the socket, and no write waits for it.
    const unsigned patience_millis = options_.request_seconds * 1000;
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_millis, sizeof patience_millis);
  }
  std::shared_ptr<Session> session =
      Session::make(std::move(socket), host_, describe_peer(fd, family));
  sessions_.insert(session);
  asio::co_spawn(context_, session->run(), [this, session](const std::exception_ptr& thrown) {
    sessions_.erase(session);
    if (sessions_.empty()) drained_.cancel();
    if (!thrown) return;
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& caught) {
      log::error("control", "a session ended by an exception: {}", caught.what());
    } catch (...) {
      log::error("control", "a session ended by an exception");
    }
  });
}

void Server::begin_stop() {
  host_.stopping = true;
  for (const auto& acceptor : acceptors_) acceptor->close();
  for (const auto& session : std::set(sessions_)) session->stop();
  if (sessions_.empty()) return;
  drained_.expires_after(std::chrono::seconds(limits::http_drain_seconds));
  drained_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    for (const auto& session : std::set(sessions_)) session->abort();
  });
}

void Server::stop() {
  std::call_once(stopped_, [this] {
    // While they still listen: afterwards the files could be a successor's.
    for (const Listener& listener : listeners_) remove_file(listener);
    if (thread_.joinable()) {
      asio::post(context_, [this] { begin_stop(); });
      thread_.join();
    }
    for (Workers& handlers : handlers_) handlers.stop();
    waiters_.stop();
  });
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> all;
  for (const Listener& listener : listeners_) all.push_back(listener.address);
  return all;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(Engine& engine,
                                                            ControlOptions options) {
  auto server = std::make_unique<Server>(engine, std::move(options));
  RESTORED_TRY(server->listen());
  server->run();
  return server;
}

}  // namespace restored::control
