#include "data/serving_thread.h"

#include <fmt/format.h>
#include <pthread.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>

#include "base/log.h"

namespace restored::data {
namespace asio = boost::asio;

namespace {

// How long an idle connection may outlive its credential.
constexpr std::chrono::milliseconds sweep_interval(250);
constexpr auto token = asio::as_tuple(asio::use_awaitable);

}  // namespace

ServingThread::ServingThread(ServerState& server)
    : server_(server), context_(1), work_(context_.get_executor()), sweep_timer_(context_) {}

void ServingThread::start(unsigned index) {
  asio::co_spawn(context_, sweep(), asio::detached);
  thread_ = std::thread([this, index] {
    pthread_setname_np(pthread_self(), fmt::format("data-{}", index).c_str());
    for (;;) {
      try {
        context_.run();
        return;
      } catch (const std::exception& error) {
        log::error("data", "a serving thread goes on after: {}", error.what());
      }
    }
  });
}

void ServingThread::add(Session::Socket socket, std::string address, std::string local_address) {
  auto record = std::make_shared<ClientRecord>();
  record->id = server_.clients.next_id();
  record->address = std::move(address);
  record->local_address = std::move(local_address);
  record->fd = socket.native_handle();
  record->connected_at = server_.clock.wall();
  record->active_at = record->connected_at;
  record->close = [this, id = record->id] {
    asio::post(context_, [this, id] {
      const auto found = sessions_.find(id);
      if (found != sessions_.end()) found->second->kill();
    });
  };
  server_.clients.add(record);
  asio::post(context_, [this, socket = std::move(socket), record = std::move(record)]() mutable {
    adopt(std::move(socket), std::move(record));
  });
}

void ServingThread::adopt(Session::Socket socket, std::shared_ptr<ClientRecord> record) {
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  auto session = std::make_shared<Session>(server_, std::move(socket), std::move(record));
  if (draining_) {
    server_.clients.remove(session->record().id);
    return;
  }
  sessions_.emplace(session->record().id, session);
  asio::co_spawn(context_, run_session(std::move(session)), asio::detached);
}

asio::awaitable<void> ServingThread::run_session(std::shared_ptr<Session> session) {
  const std::uint64_t id = session->record().id;
  co_await Session::run(session);
  server_.clients.remove(id);
  sessions_.erase(id);
  end_if_drained();
}

asio::awaitable<void> ServingThread::sweep() {
  while (!draining_) {
    sweep_timer_.expires_after(sweep_interval);
    const auto [error] = co_await sweep_timer_.async_wait(token);
    if (error) co_return;
    for (const auto& [id, session] : sessions_) {
      if (session->revoked()) session->kill();
    }
    server_.sweep();
  }
}

void ServingThread::drain() {
  asio::post(context_, [this] {
    draining_ = true;
    sweep_timer_.cancel();
    for (const auto& [id, session] : sessions_) session->drain();
    end_if_drained();
  });
}

// The guard holds the context while a suspended session waits for somebody else's call.
void ServingThread::end_if_drained() {
  if (draining_ && sessions_.empty()) work_.reset();
}

void ServingThread::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace restored::data
