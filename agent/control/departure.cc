#include "control/departure.h"

#include <sys/epoll.h>

#include <utility>

#include "base/log.h"
#include "base/unique_fd.h"

namespace restored::control {

// The reactor asks for readable bytes, which would wake it for those that stand there; this set of
// its own asks for the end only, and is readable when that has come.
Departure::Departure(const boost::asio::any_io_executor& executor, int socket,
                     std::function<void()> left)
    : watch_(executor) {
  UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event wanted{};
  wanted.events = EPOLLRDHUP;  // EPOLLHUP and EPOLLERR come unasked
  boost::system::error_code error;
  if (set && ::epoll_ctl(set.get(), EPOLL_CTL_ADD, socket, &wanted) == 0) {
    watch_.assign(set.get(), error);
    if (!error) set.release();
  }
  if (!watch_.is_open()) {
    log::warning("control", "no descriptor is free to see whether a waiting client leaves");
    return;
  }
  watch_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [left = std::move(left)](const boost::system::error_code& ended) {
                      if (!ended) left();
                    });
}

}  // namespace restored::control
