#include "control/event.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace restored::control {
namespace {

// FNV-1a: the same on every host and in every version, as ids must be.
class Hash {
 public:
  void add(std::string_view text) {
    for (const char c : text) {
      sum_ = (sum_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    sum_ = (sum_ ^ 0xff) * 0x100000001b3;  // no text has this byte: an end
  }
  void add(std::uint64_t number) { add(fmt::format("{}", number)); }
  std::uint64_t sum() const { return sum_; }

 private:
  std::uint64_t sum_ = 0xcbf29ce484222325;
};

constexpr std::size_t digits = 16;  // of one hash in an id

std::optional<std::uint64_t> parsed_hash(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value, 16);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

}  // namespace

Told told_by(const OperationView& view) {
  Hash state;
  state.add(view.id.value);  // another operation's event is none of this one's
  state.add(name(view.state));
  state.add(name(view.phase));
  state.add(view.backup.value);
  state.add(view.attempts);
  state.add(view.waiting_on);
  state.add(view.waiting_since ? static_cast<std::uint64_t>(*view.waiting_since) : 0);
  state.add(view.waiting_attempts);
  state.add(view.bandwidth_bytes_per_second);
  state.add(view.may_cancel ? "may cancel" : "may not cancel");
  // Only what is there: an id of before there were such things stands for the same.
  if (view.queue_position) state.add(fmt::format("position {}", *view.queue_position));
  if (view.held_until) state.add(fmt::format("held until {}", *view.held_until));
  for (const HookResult& hook : view.hooks) {
    state.add(fmt::format("hook {} {} {}", name(hook.event), hook.exit_status.value_or(-1),
                          hook.seconds));
  }
  state.add(view.error ? static_cast<std::uint64_t>(view.error->code) : 0);
  Hash progress;
  for (const std::uint64_t figure : {view.bytes_done, view.bytes_total, view.bytes_reused,
                                     view.bytes_transferred, view.files_done, view.files_total}) {
    progress.add(figure);
  }
  return {state.sum(), progress.sum()};
}

std::string event_id(const Told& told) {
  return fmt::format("{:016x}-{:016x}", told.state, told.progress);
}

std::optional<Told> parsed_event_id(std::string_view text) {
  if (text.size() != 2 * digits + 1 || text[digits] != '-') return std::nullopt;
  const auto state = parsed_hash(text.substr(0, digits));
  const auto progress = parsed_hash(text.substr(digits + 1));
  if (!state || !progress) return std::nullopt;
  return Told{*state, *progress};
}

std::string_view media_type(EventForm form) {
  return form == EventForm::ndjson ? "application/x-ndjson" : "text/event-stream";
}

Follower::Kind Follower::next(const OperationView& view, const Told& now_told,
                              EventTime now) const {
  if (ended_) return Kind::none;
  if (view.state != OperationState::running) return Kind::end;
  if (!told_ || told_->state != now_told.state) return Kind::state;
  const bool rested = !event_at_ || now - *event_at_ >= spans_.progress;
  if (told_->progress != now_told.progress && rested) return Kind::progress;
  return now - sent_at_ >= spans_.heartbeat ? Kind::heartbeat : Kind::none;
}

std::string Follower::take(const OperationView& view, const Told& now_told, EventTime now) {
  const Kind kind = next(view, now_told, now);
  if (kind == Kind::none) return {};
  sent_at_ = now;
  if (kind != Kind::heartbeat) {
    event_at_ = now;
    told_ = now_told;
    ended_ = kind == Kind::end;
  }
  return framed(kind, view, now_told);
}

std::string Follower::framed(Kind kind, const OperationView& view, const Told& now_told) const {
  static constexpr std::array<std::string_view, 5> names{"", "state", "progress", "end",
                                                         "heartbeat"};
  const std::string_view type = names[static_cast<std::size_t>(kind)];
  if (form_ == EventForm::ndjson) {
    if (kind == Kind::heartbeat) return "{\"type\":\"heartbeat\"}\n";
    return fmt::format("{{\"type\":\"{}\",\"id\":\"{}\",\"data\":{}}}\n", type, event_id(now_told),
                       render_(view));
  }
  if (kind == Kind::heartbeat) return ": heartbeat\n\n";
  return fmt::format("event: {}\nid: {}\ndata: {}\n\n", type, event_id(now_told), render_(view));
}

}  // namespace restored::control
