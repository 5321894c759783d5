// One thread that serves connections: its io_context and the sessions that live on it.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <thread>
#include <unordered_map>

#include "data/session.h"

namespace restored::data {

// Threading: start, add, drain and join from any thread; the rest happens on its own.
class ServingThread {
 public:
  explicit ServingThread(ServerState& server);
  ServingThread(const ServingThread&) = delete;
  ServingThread& operator=(const ServingThread&) = delete;

  boost::asio::io_context& context() { return context_; }
  void start(unsigned index);
  // Takes over a connection whose socket belongs to context().
  void add(Session::Socket socket, std::string address, std::string local_address);
  // Ends the sessions after what they are running. join() returns when all have ended.
  void drain();
  void join();

 private:
  void adopt(Session::Socket socket, std::shared_ptr<ClientRecord> record);
  boost::asio::awaitable<void> run_session(std::shared_ptr<Session> session);
  boost::asio::awaitable<void> sweep();
  void end_if_drained();

  ServerState& server_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer sweep_timer_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Session>> sessions_;  // own thread only
  bool draining_ = false;                                                 // own thread only
  std::thread thread_;
};

}  // namespace restored::data
