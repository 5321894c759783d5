#include "data/server.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "base/log.h"
#include "data/client.h"
#include "data/listener.h"
#include "data/serving_thread.h"

namespace restored::data {
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

namespace {

constexpr unsigned threads_max_default = 4;
constexpr std::chrono::milliseconds accept_pause(100);  // when descriptors have run out
constexpr auto token = asio::as_tuple(asio::use_awaitable);

DataOptions completed(DataOptions options) {
  if (options.threads == 0) {
    options.threads = std::clamp(std::thread::hardware_concurrency(), 1u, threads_max_default);
  }
  // The largest value fits into a request and into a reply, whatever else was configured.
  const std::size_t least = options.value_bytes_max + kMiB;
  options.input_buffer_bytes_max = std::max(options.input_buffer_bytes_max, least);
  options.output_buffer_bytes_max = std::max(options.output_buffer_bytes_max, least);
  return options;
}

class Server final : public DataServer {
 public:
  Server(Engine& engine, DataOptions options) : state_(engine, std::move(options)) {
    for (unsigned i = 0; i < state_.options.threads; ++i) {
      threads_.push_back(std::make_unique<ServingThread>(state_));
    }
  }
  ~Server() override { stop(); }

  Result<void> listen();
  std::string address() const override { return address_; }
  std::uint16_t port() const override { return state_.port; }
  DataStats stats() const override;
  void stop() override;

 private:
  ServingThread& next_thread() { return *threads_[next_thread_++ % threads_.size()]; }
  // False: the connection is one too many, and was told so.
  template <class Socket>
  bool admit(Socket& socket);
  asio::awaitable<void> pause_after(error_code error);
  asio::awaitable<void> accept_tcp();
  asio::awaitable<void> accept_unix();
  void close_listeners();

  ServerState state_;
  std::string address_;
  std::vector<std::unique_ptr<ServingThread>> threads_;
  // On the first thread:
  std::optional<tcp::acceptor> tcp_;
  std::optional<stream_protocol::acceptor> unix_;
  std::optional<asio::steady_timer> accept_timer_;
  std::size_t next_thread_ = 0;
  bool stopped_ = false;
};

Result<void> Server::listen() {
  asio::io_context& context = threads_.front()->context();
  RESTORED_TRY(tcp::acceptor tcp_acceptor, listen_tcp(context, state_.options.listen));
  error_code error;
  const tcp::endpoint endpoint = tcp_acceptor.local_endpoint(error);
  address_ = to_text(endpoint);
  state_.port = endpoint.port();
  tcp_.emplace(std::move(tcp_acceptor));
  if (!state_.options.unix_path.empty()) {
    RESTORED_TRY(auto unix_acceptor, listen_unix(context, state_.options.unix_path));
    unix_.emplace(std::move(unix_acceptor));
  }
  accept_timer_.emplace(context);
  asio::co_spawn(context, accept_tcp(), asio::detached);
  if (unix_) asio::co_spawn(context, accept_unix(), asio::detached);
  for (unsigned i = 0; i < threads_.size(); ++i) threads_[i]->start(i);
  return {};
}

template <class Socket>
bool Server::admit(Socket& socket) {
  if (state_.clients.count() < state_.options.clients_max) {
    state_.accepted.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  state_.refused.fetch_add(1, std::memory_order_relaxed);
  static constexpr std::string_view text = "-ERR max number of clients reached\r\n";
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text.data(), text.size()), ignored);
  return false;
}

// Out of descriptors, as a rule: connections in the backlog wait until some are closed.
asio::awaitable<void> Server::pause_after(error_code error) {
  log::warning("data", "cannot accept a connection: {}", error.message());
  accept_timer_->expires_after(accept_pause);
  const auto [ignored] = co_await accept_timer_->async_wait(token);
  (void)ignored;
}

asio::awaitable<void> Server::accept_tcp() {
  while (!state_.stopping.stop_requested()) {
    ServingThread& thread = next_thread();
    const asio::any_io_executor executor = thread.context().get_executor();
    auto [error, socket] = co_await tcp_->async_accept(executor, token);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      co_await pause_after(error);
      continue;
    }
    error_code gone;
    const tcp::endpoint remote = socket.remote_endpoint(gone);
    const tcp::endpoint local = socket.local_endpoint(gone);
    if (gone || !admit(socket)) continue;
    tune(socket, state_.options.tcp_keepalive_seconds);
    thread.add(Session::Socket(std::move(socket)), to_text(remote), to_text(local));
  }
}

asio::awaitable<void> Server::accept_unix() {
  const std::string name = state_.options.unix_path + ":0";
  while (!state_.stopping.stop_requested()) {
    ServingThread& thread = next_thread();
    const asio::any_io_executor executor = thread.context().get_executor();
    auto [error, socket] = co_await unix_->async_accept(executor, token);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      co_await pause_after(error);
      continue;
    }
    if (admit(socket)) thread.add(Session::Socket(std::move(socket)), name, name);
  }
}

DataStats Server::stats() const {
  DataStats stats;
  stats.clients = state_.clients.count();
  stats.connections_accepted = state_.accepted;
  stats.connections_refused = state_.refused;
  stats.commands = state_.commands;
  return stats;
}

void Server::close_listeners() {
  std::promise<void> closed;
  asio::post(threads_.front()->context(), [this, &closed] {
    error_code ignored;
    tcp_->close(ignored);
    if (unix_) unix_->close(ignored);
    accept_timer_->cancel();
    closed.set_value();
  });
  closed.get_future().wait();
  if (unix_) ::unlink(state_.options.unix_path.c_str());
}

void Server::stop() {
  if (stopped_) return;
  stopped_ = true;
  state_.stopping.request_stop();
  if (accept_timer_) close_listeners();  // it listens and its threads run
  for (const auto& thread : threads_) thread->drain();
  for (const auto& thread : threads_) thread->join();
  state_.workers.reset();
  state_.forget_all();
}

}  // namespace

Result<std::unique_ptr<DataServer>> DataServer::start(Engine& engine, DataOptions options) {
  auto server = std::make_unique<Server>(engine, completed(std::move(options)));
  RESTORED_TRY(server->listen());
  return server;
}

}  // namespace restored::data
