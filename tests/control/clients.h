// Clients of the control server: curl for what is HTTP, a bare socket for what is not.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace restored::control {

struct HttpAnswer {
  int status = 0;                              // 0: no answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string text;
  boost::json::value body;  // null when the text is no JSON

  // Member by dotted path, numbers index lists; null when there is none.
  const boost::json::value& at(std::string_view path) const;
  std::string word(std::string_view path) const;  // of a string member
  std::string header(const std::string& name) const;
};

// The first answer in a stream of bytes; the rest is left in `stream`.
HttpAnswer take_answer(std::string& stream);

// Runs curl with these arguments; gives up after 30 seconds.
HttpAnswer curl(const std::vector<std::string>& arguments);

// A connection that sends what it is told.
class RawClient {
 public:
  // Over TCP, what may stand there unread: kilobytes rather than megabytes.
  enum class Room { usual, little };
  // "unix:PATH" or "tcp:HOST:PORT" with an IPv4 address.
  explicit RawClient(const std::string& address, Room room = Room::usual);

  bool connected() const { return static_cast<bool>(fd_); }
  bool send(std::string_view bytes);
  void finish_sending();  // the other end sees the end, and may still answer
  bool readable() const;  // bytes, or the end, are there now
  bool cut() const;       // the server takes nothing more; tried with one byte
  // Nothing that comes is taken or acknowledged any more, as of a host that lost its power. TCP.
  bool vanish();
  // Everything until the server closes; empty text and `closed` false when it does not in time.
  struct Received {
    std::string bytes;
    bool closed = false;
  };
  Received read_to_end(std::chrono::milliseconds deadline = std::chrono::seconds(20));
  // Until this many bytes or a complete text stand there, the deadline passes or the server closes.
  std::string read_until(std::string_view text,
                         std::chrono::milliseconds deadline = std::chrono::seconds(20));
  void close() { fd_.reset(); }
  int descriptor() const { return fd_.get(); }

 private:
  // False at the end of the stream, or when nothing came in time.
  bool read_some(std::string& into, std::chrono::steady_clock::time_point end, bool& closed);
  UniqueFd fd_;
};

}  // namespace restored::control
