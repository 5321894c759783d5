#include "watch.h"

#include <fmt/core.h>

#include <chrono>
#include <optional>
#include <thread>

#include "fields.h"
#include "follow.h"
#include "output.h"
#include "progress.h"

namespace restored::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds restart_patience{60};
constexpr std::chrono::seconds retry_every{1};

// What has been heard, over all connections.
class Watch {
 public:
  explicit Watch(const Session& session) : session_(session) {}

  const std::string& last_id() const { return last_id_; }
  const std::optional<Answer>& end() const { return end_; }

  // False: nothing comes after it.
  bool take(std::string_view line) {
    boost::json::error_code error;
    const boost::json::value event = boost::json::parse(line, error);
    const std::string type = text(event, "type");
    const boost::json::value* operation = find(event, "data");
    if (error || operation == nullptr) return true;  // a heartbeat
    last_id_ = text(event, "id");
    show(line, *operation);
    if (type != "end") return true;
    end_.emplace();
    end_->json = boost::json::object{{"data", *operation}};
    end_->body = boost::json::serialize(end_->json);
    return false;
  }

 private:
  void show(std::string_view line, const boost::json::value& operation) const {
    if (session_.json) {
      print_line(std::string(line));
    } else if (text(operation, "status") == "running") {
      print_line(fmt::format("{}  {}", text(operation, "updatedAt"), progress_line(operation)));
    }
    std::fflush(stdout);
  }

  const Session& session_;
  std::string last_id_;
  std::optional<Answer> end_;
};

}  // namespace

Outcome watch(const Session& session, const std::string& operation) {
  Watch watch(session);
  std::optional<Clock::time_point> away_since;
  while (true) {
    bool heard = false;
    const auto outcome =
        session.agent.events(operation, watch.last_id(), [&](std::string_view line) {
          heard = true;
          return watch.take(line);
        });
    if (watch.end()) break;
    const bool away = outcome || outcome.error().error.code == ErrorCode::connection_failed ||
                      outcome.error().error.code == ErrorCode::shutting_down;
    if (!away) return outcome;
    if (heard || !away_since) away_since = Clock::now();
    if (Clock::now() - *away_since > restart_patience) {
      if (!outcome) return outcome;
      return fail(ErrorCode::connection_failed, "the agent ends the stream again and again");
    }
    std::this_thread::sleep_for(retry_every);
  }
  const bool succeeded = text(watch.end()->data(), "status") == "succeeded";
  if (session.json && succeeded) return {};
  return conclude(session, *watch.end());
}

}  // namespace restored::ctl
