// Sees that the other end of a socket has left, though bytes that nobody reads yet stand before
// the end of its stream. A plain wait for reading sees the bytes and nothing after them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

namespace restored::control {

// Threading: the executor's thread only.
class Departure {
 public:
  // Calls `left` once when the other end of `socket` closes, or closes for writing; not any more
  // after this object's end. A process without a free descriptor watches nothing: what `left`
  // would have ended has its own deadline.
  // REQUIRES: the socket stays open for as long.
  Departure(const boost::asio::any_io_executor& executor, int socket, std::function<void()> left);
  Departure(const Departure&) = delete;
  Departure& operator=(const Departure&) = delete;

 private:
  boost::asio::posix::stream_descriptor watch_;
};

}  // namespace restored::control
