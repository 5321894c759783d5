// One connection: reads, runs all requests of a read, writes their replies at once. What the
// socket does not take is sent behind the scenes while more is read, up to a bound: a client that
// sends a long pipeline before it reads the first reply must not wait for ever.
//
// Threading: only on its thread's io_context, but for the worker that runs one of its requests
// meanwhile and touches nothing but the Client.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <memory>

#include "data/client.h"
#include "data/dispatch.h"
#include "data/input_buffer.h"
#include "data/reply.h"
#include "data/resp_parser.h"

namespace restored::data {

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Session(ServerState& server, Socket socket, std::shared_ptr<ClientRecord> record);

  // Until the connection ends; the socket is closed then.
  static boost::asio::awaitable<void> run(std::shared_ptr<Session> session);

  const ClientRecord& record() const { return *client_.record; }
  void kill();   // now; the reply of a running command is lost
  void drain();  // after what is running was answered
  // Whether its credential was deleted meanwhile.
  bool revoked() const;

 private:
  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<void> finish_paused(Outcome outcome, Arguments request);
  boost::asio::awaitable<void> linger();
  static boost::asio::awaitable<void> send_rest(std::shared_ptr<Session> session);

  // Runs what is complete in the input; true when one request waits: paused_ says on what.
  bool run_requests();
  bool answer(Arguments request);  // false: it is paused
  void run_on_worker(Arguments request);
  void flush();
  void send_queued();
  bool input_exceeded() const;
  void note_state();

  Client client_;
  Socket socket_;
  boost::asio::steady_timer lingering_;
  RequestParser parser_;
  InputBuffer input_;
  OutputQueue output_;
  Outcome paused_;
  std::uint64_t errors_counted_ = 0;
  bool sending_ = false;  // send_rest() is running
  bool killed_ = false;
  bool draining_ = false;
  bool on_worker_ = false;  // the Client is a worker's at the moment
};

}  // namespace restored::data
