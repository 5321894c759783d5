// All event streams of the server: looks at the operations that are followed, once for all their
// followers, and wakes those for whom there is something to send. A stream holds no thread, and no
// more than one event: what it could not send yet is replaced by what is the case later.
// Threading: the server's socket thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "control/event.h"
#include "control/message.h"
#include "control/server.h"
#include "restored/engine.h"

namespace restored::control {

class EventFeed;

// One stream. Not movable: the feed knows where it is.
class Following {
 public:
  Following(EventFeed& feed, const Follow& wanted);
  ~Following();
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;

  // The next event's bytes when there is one; empty: the stream is over. One call at a time.
  boost::asio::awaitable<std::string> next();
  // It is over: next() returns soon.
  void stop();

 private:
  friend class EventFeed;
  struct Followed;  // one operation
  bool allowed(EventTime now);

  EventFeed& feed_;
  const OperationId id_;
  const std::function<bool()> still_allowed_;
  std::shared_ptr<Followed> followed_;  // shared by its streams and the feed
  Follower follower_;
  boost::asio::steady_timer wake_;
  EventTime allowed_at_;
  bool stopped_ = false;
};

class EventFeed {
 public:
  // The engine outlives it; every stream ends before it.
  EventFeed(boost::asio::io_context& context, const Engine& engine, EventOptions options)
      : context_(context), engine_(engine), options_(options), timer_(context) {}

  bool has_room() const { return followers_.size() < options_.streams_max; }

 private:
  friend class Following;
  void add(Following& follower);
  void remove(Following& follower);
  void look(Following::Followed& followed, const OperationId& id) const;
  void tick();

  boost::asio::io_context& context_;
  const Engine& engine_;
  const EventOptions options_;
  boost::asio::steady_timer timer_;  // runs while anybody follows
  bool ticking_ = false;
  std::map<OperationId, std::shared_ptr<Following::Followed>> followed_;
  std::set<Following*> followers_;
};

}  // namespace restored::control
