#include "control/event_feed.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace restored::control {
namespace {

constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

std::chrono::milliseconds millis(unsigned count) {
  return std::chrono::milliseconds(count);
}

EventSpans spans_of(const EventOptions& options) {
  return {millis(options.progress_millis), millis(options.heartbeat_millis)};
}

}  // namespace

struct Following::Followed {
  std::size_t followers = 0;
  bool known = false;  // false: it was forgotten
  OperationView view;
  Told told;
};

Following::Following(EventFeed& feed, const Follow& wanted)
    : feed_(feed),
      id_(wanted.operation),
      still_allowed_(wanted.still_allowed),
      follower_(wanted.ndjson ? EventForm::ndjson : EventForm::server_sent, wanted.after,
                spans_of(feed.options_), wanted.render, std::chrono::steady_clock::now()),
      wake_(feed.context_),
      allowed_at_(std::chrono::steady_clock::now()) {
  feed_.add(*this);
}

Following::~Following() {
  feed_.remove(*this);
}

// Asked again once in a while: a revoked token opens no stream, and keeps none open.
bool Following::allowed(EventTime now) {
  if (now - allowed_at_ < millis(feed_.options_.heartbeat_millis)) return true;
  allowed_at_ = now;
  return still_allowed_();
}

boost::asio::awaitable<std::string> Following::next() {
  while (!stopped_ && followed_->known && !follower_.ended()) {
    const EventTime now = std::chrono::steady_clock::now();
    if (!allowed(now)) break;
    std::string bytes = follower_.take(followed_->view, followed_->told, now);
    if (!bytes.empty()) co_return bytes;
    wake_.expires_at(EventTime::max());
    [[maybe_unused]] const auto woken = co_await wake_.async_wait(as_result);
  }
  co_return std::string();
}

void Following::stop() {
  stopped_ = true;
  wake_.cancel();
}

void EventFeed::add(Following& follower) {
  std::shared_ptr<Following::Followed>& followed = followed_[follower.id_];
  if (!followed) followed = std::make_shared<Following::Followed>();
  look(*followed, follower.id_);
  followers_.insert(&follower);  // the last that may throw: who throws is gone
  ++followed->followers;
  follower.followed_ = followed;
  if (!ticking_) tick();
}

void EventFeed::remove(Following& follower) {
  followers_.erase(&follower);
  if (--follower.followed_->followers == 0) followed_.erase(follower.id_);
  if (followers_.empty()) timer_.cancel();
}

// From the engine's memory: nothing here waits.
void EventFeed::look(Following::Followed& followed, const OperationId& id) const {
  Result<OperationView> view = engine_.operation(id);
  followed.known = view.has_value();
  if (!view) return;
  followed.view = std::move(*view);
  followed.told = told_by(followed.view);
}

void EventFeed::tick() {
  ticking_ = true;
  timer_.expires_after(millis(options_.poll_millis));
  timer_.async_wait([this](const boost::system::error_code&) {
    ticking_ = !followers_.empty();
    if (!ticking_) return;
    for (const auto& [id, followed] : followed_) look(*followed, id);
    const EventTime now = std::chrono::steady_clock::now();
    for (Following* follower : followers_) {
      const Following::Followed& followed = *follower->followed_;
      const bool over = !followed.known || follower->stopped_;
      if (over || follower->follower_.ready(followed.view, followed.told, now)) {
        follower->wake_.cancel();
      }
    }
    tick();
  });
}

}  // namespace restored::control
