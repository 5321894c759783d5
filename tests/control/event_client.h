// A client of an event stream on a bare socket: chunks, and the events in them.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "clients.h"

namespace restored::control {

struct Event {
  std::string type;  // "heartbeat": also a comment
  std::string id;
  boost::json::value data;

  std::string word(std::string_view member) const {
    const auto* found = data.is_object() ? data.get_object().if_contains(member) : nullptr;
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
  }
};

// Threading: one thread at a time.
class EventClient {
 public:
  // Sends the request; `headers` each with its line end.
  EventClient(const std::string& address, const std::string& token, const std::string& path,
              const std::string& headers = {}, RawClient::Room room = RawClient::Room::usual);

  // Of the answer; status 0: none came.
  const HttpAnswer& head() const { return head_; }
  // Nothing: the stream is over, or nothing came in time.
  std::optional<Event> next(std::chrono::milliseconds deadline = std::chrono::seconds(20));
  // The last event before the stream was over.
  std::optional<Event> last();
  // The server said that nothing more comes.
  bool over() const { return over_; }
  bool ndjson() const;
  RawClient& socket() { return socket_; }

 private:
  void unpack();
  std::optional<Event> take();

  RawClient socket_;
  HttpAnswer head_;
  std::string chunks_;
  std::string text_;
  bool over_ = false;
};

}  // namespace restored::control
