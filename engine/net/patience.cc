#include "net/patience.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/check.h"

namespace restored::net {
namespace {

using std::chrono::milliseconds;

// Rounded up, so that poll() never comes back early and spins.
int poll_timeout(Time end) {
  const auto left = std::chrono::ceil<milliseconds>(end - now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, std::numeric_limits<int>::max()));
}

std::string seconds_text(milliseconds time) {
  return fmt::format("{:g} s", static_cast<double>(time.count()) / 1000);
}

}  // namespace

void Patience::Wake::operator()() const noexcept {
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then poll() wakes anyway.
  [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
}

Patience::Patience(UniqueFd wake, const Limits& limits, std::stop_token stop)
    : wake_(std::move(wake)),
      limits_(limits),
      stop_(std::move(stop)),
      deadline_(now() + limits.deadline),
      moved_at_(now()),
      on_stop_(stop_, Wake{wake_.get()}) {}

Waited Patience::wait(int fd, short events, short& seen, Time until) {
  seen = 0;
  for (;;) {
    const Time stalled_at = moved_at_ + limits_.stall;
    std::array<pollfd, 2> polled{{{fd, events, 0}, {wake_.get(), POLLIN, 0}}};
    const int ready = ::poll(polled.data(), polled.size(),
                             poll_timeout(std::min({deadline_, stalled_at, until})));
    if (ready < 0) {
      RESTORED_CHECK(errno == EINTR || errno == ENOMEM, "poll() of two open descriptors");
      continue;
    }
    if (polled[1].revents != 0) return Waited::stopped;
    if (polled[0].revents != 0) {
      seen = polled[0].revents;
      return Waited::ready;
    }
    const Time time = now();
    if (time >= deadline_) return Waited::late;
    if (time >= until) return Waited::until;
    if (time >= stalled_at) return Waited::stalled;
  }
}

std::optional<Waited> Patience::over() const {
  if (stop_.stop_requested()) return Waited::stopped;
  if (moved_at_ >= deadline_) return Waited::late;
  return std::nullopt;
}

Failure Patience::failure(Waited waited, std::string_view doing) const {
  using Kind = Failure::Kind;
  switch (waited) {
    case Waited::stopped:
      return {Kind::cancelled, fmt::format("cancelled while {}", doing)};
    case Waited::late:
      return {Kind::timed_out, fmt::format("past the deadline of {} while {}",
                                           seconds_text(limits_.deadline), doing)};
    case Waited::stalled:
      return {Kind::timed_out,
              fmt::format("no byte moved for {} while {}", seconds_text(limits_.stall), doing)};
    case Waited::until:
      return {Kind::connect_failed, fmt::format("timed out while {}", doing)};
    case Waited::ready:
      break;
  }
  RESTORED_CHECK(false, "a wait that ended well is no failure");
}

}  // namespace restored::net
