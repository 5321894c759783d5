// One client of the control server: requests in, answers out, one after the other, as long as the
// client keeps the connection and its deadlines.
// Threading: the server's socket thread only; handlers run elsewhere.
#pragma once

#include <memory>
#include <span>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "control/call.h"
#include "control/event_feed.h"
#include "control/router.h"
#include "control/workers.h"

namespace restored::control {

// What all sessions share; outlives them.
struct SessionHost {
  Site& site;
  std::span<Workers, reaches> handlers;  // by Reach
  Workers& waiters;
  EventFeed& events;
  const ControlOptions& options;
  bool stopping = false;  // socket thread only
};

using ClientSocket = boost::asio::generic::stream_protocol::socket;

class Session {
 public:
  static std::shared_ptr<Session> make(ClientSocket socket, SessionHost& host, std::string peer);
  virtual ~Session() = default;

  // Serves until either side is done. REQUIRES: the session outlives the coroutine.
  virtual boost::asio::awaitable<void> run() = 0;
  // An idle session ends; a busy one after its answer. Ends waits for operations, and streams.
  virtual void stop() = 0;
  // Ends it without an answer.
  virtual void abort() = 0;
};

}  // namespace restored::control
