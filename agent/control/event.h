// Events of an operation: what is told of it, when, and how it is written. Pure: no sockets, no
// clock of its own.
//
// An event's id is made of what it tells alone: a hash of the state and a hash of the progress. So
// an id of before the agent's restart means as much as one of after it, and a follower who comes
// back with one hears at once what has changed since, and nothing when nothing has.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "restored/operation.h"

namespace restored::control {

using EventTime = std::chrono::steady_clock::time_point;

// Hashes of what an event tells.
struct Told {
  std::uint64_t state = 0;     // phase, status, attempts, waiting, error, limit
  std::uint64_t progress = 0;  // bytes and files
  friend bool operator==(const Told&, const Told&) = default;
};
Told told_by(const OperationView& view);
std::string event_id(const Told& told);
// Nothing for a text that is no id of ours.
std::optional<Told> parsed_event_id(std::string_view text);

enum class EventForm : std::uint8_t { server_sent, ndjson };
std::string_view media_type(EventForm form);

struct EventSpans {
  std::chrono::milliseconds progress{};   // between two events, when only bytes have moved
  std::chrono::milliseconds heartbeat{};  // after which a sign of life is sent
};

// One follower of one operation: what it has been told.
// Threading: that of a container.
class Follower {
 public:
  using Render = std::function<std::string(const OperationView&)>;

  // `after`: the id of the last event that the follower knows; empty: none.
  Follower(EventForm form, std::string_view after, const EventSpans& spans, Render render,
           EventTime now)
      : form_(form),
        spans_(spans),
        render_(std::move(render)),
        told_(parsed_event_id(after)),
        sent_at_(now) {}

  // Whether there is something to send.
  bool ready(const OperationView& view, const Told& now_told, EventTime now) const {
    return next(view, now_told, now) != Kind::none;
  }
  // It, as it is sent: always what is the case now. Empty when there is nothing.
  std::string take(const OperationView& view, const Told& now_told, EventTime now);
  // The event of the operation's end was taken: there is nothing after it.
  bool ended() const { return ended_; }

 private:
  enum class Kind : std::uint8_t { none, state, progress, end, heartbeat };
  Kind next(const OperationView& view, const Told& now_told, EventTime now) const;
  std::string framed(Kind kind, const OperationView& view, const Told& now_told) const;

  const EventForm form_;
  const EventSpans spans_;
  const Render render_;
  std::optional<Told> told_;
  std::optional<EventTime> event_at_;  // of the last state or progress
  EventTime sent_at_;                  // of anything
  bool ended_ = false;
};

}  // namespace restored::control
