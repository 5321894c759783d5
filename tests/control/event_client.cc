#include "event_client.h"

#include <cstdlib>

namespace restored::control {
namespace {

// "name: value" at the begin of a line of the event.
std::string field(const std::string& event, const std::string& name) {
  const std::string lines = "\n" + event;
  const std::size_t at = lines.find("\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 3;
  return lines.substr(begin, lines.find('\n', begin) - begin);
}

}  // namespace

EventClient::EventClient(const std::string& address, const std::string& token,
                         const std::string& path, const std::string& headers, RawClient::Room room)
    : socket_(address, room) {
  socket_.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token +
               "\r\n" + headers + "\r\n");
  while (chunks_.find("\r\n\r\n") == std::string::npos) {
    const std::string more = socket_.read_until("\n");
    if (more.empty()) return;
    chunks_ += more;
  }
  head_ = take_answer(chunks_);
}

bool EventClient::ndjson() const {
  const auto found = head_.headers.find("content-type");
  return found != head_.headers.end() && found->second == "application/x-ndjson";
}

void EventClient::unpack() {
  while (!over_) {
    const std::size_t line = chunks_.find("\r\n");
    if (line == std::string::npos) return;
    const std::size_t bytes = std::strtoull(chunks_.c_str(), nullptr, 16);
    if (chunks_.size() < line + 2 + bytes + 2) return;
    text_ += chunks_.substr(line + 2, bytes);
    chunks_.erase(0, line + 2 + bytes + 2);
    over_ = bytes == 0;
  }
}

std::optional<Event> EventClient::take() {
  const std::string end = ndjson() ? "\n" : "\n\n";
  const std::size_t at = text_.find(end);
  if (at == std::string::npos) return std::nullopt;
  const std::string one = text_.substr(0, at);
  text_.erase(0, at + end.size());
  Event event;
  boost::json::error_code error;
  if (ndjson()) {
    const boost::json::value line = boost::json::parse(one, error);
    if (error || !line.is_object()) return Event{"no JSON: " + one, {}, {}};
    event.type = std::string(line.at("type").as_string());
    if (event.type == "heartbeat") return event;
    event.id = std::string(line.at("id").as_string());
    event.data = line.at("data");
    return event;
  }
  event.type = one.starts_with(":") ? "heartbeat" : field(one, "event");
  event.id = field(one, "id");
  event.data = boost::json::parse(field(one, "data"), error);
  if (error) event.data = nullptr;
  return event;
}

std::optional<Event> EventClient::next(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (true) {
    unpack();
    if (std::optional<Event> event = take()) return event;
    if (over_) return std::nullopt;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    const std::string more = socket_.read_until("\n", left);
    if (more.empty()) return std::nullopt;
    chunks_ += more;
  }
}

std::optional<Event> EventClient::last() {
  std::optional<Event> last;
  while (std::optional<Event> event = next()) last = std::move(event);
  return last;
}

}  // namespace restored::control
