// A control connection's bytes, through the session that serves the daemon's clients: its heads,
// limits, chunks and bodies. However the bytes are cut into writes, the answers are the same.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "checked_engine.h"
#include "choices.h"
#include "control/session.h"
#include "target.h"

namespace restored::fuzz {
namespace {

namespace asio = boost::asio;

// What is the same for every connection. Its threads are those of the daemon, one of each.
struct Site {
  CheckedEngine engine;
  control::Site site{engine, {}};
  std::array<control::Workers, control::reaches> handlers{
      control::Workers("memory", 1), control::Workers("disk", 1), control::Workers("store", 1),
      control::Workers("cancel", 1)};
  control::Workers waiters{"wait", 1};
  control::ControlOptions options;
};

// The other end: sends its pieces, reads until the server closes.
class Client {
 public:
  Client(asio::io_context& context, int fd, std::string_view stream, std::uint8_t cuts)
      : socket_(context, asio::generic::stream_protocol(AF_UNIX, 0), fd), pieces_(stream, cuts) {}

  void begin() {
    send();
    receive();
  }
  const std::string& answers() const { return answers_; }

 private:
  void send() {
    if (pieces_.done()) {
      boost::system::error_code ignored;
      socket_.shutdown(asio::socket_base::shutdown_send, ignored);
      return;
    }
    const std::string_view piece = pieces_.next();
    asio::async_write(socket_, asio::buffer(piece.data(), piece.size()),
                      [this](const boost::system::error_code& error, std::size_t) {
                        if (!error) send();
                      });
  }
  void receive() {
    socket_.async_read_some(asio::buffer(room_),
                            [this](const boost::system::error_code& error, std::size_t bytes) {
                              answers_.append(room_.data(), bytes);
                              if (!error) receive();
                            });
  }

  asio::generic::stream_protocol::socket socket_;
  Pieces pieces_;
  std::array<char, 4096> room_{};
  std::string answers_;
};

std::string answers_to(std::string_view stream, std::uint8_t cuts) {
  static Site& site = *new Site;  // its threads end with the process
  int fds[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "there are descriptors");
  asio::io_context context{1};
  control::EventFeed events(context, site.engine, site.options.events);
  control::SessionHost host{site.site, site.handlers, site.waiters, events, site.options};
  control::ClientSocket served(context, asio::generic::stream_protocol(AF_UNIX, 0), fds[0]);
  const std::shared_ptr<control::Session> session =
      control::Session::make(std::move(served), host, "uid=0 pid=1");
  Client client(context, fds[1], stream, cuts);
  asio::co_spawn(context, session->run(), [](const std::exception_ptr& thrown) {
    require(!thrown, "a session ends without an exception");
  });
  client.begin();
  context.run();
  return client.answers();
}

// Each answer's status and body, without what differs from one time to the next.
std::vector<std::string> parts_of(std::string_view answers) {
  std::vector<std::string> parts;
  while (!answers.empty()) {
    const std::size_t head_end = answers.find("\r\n\r\n");
    require(answers.starts_with("HTTP/1.1 ") && head_end != answers.npos, "an answer has a head");
    const std::string_view head = answers.substr(0, head_end + 2);
    answers.remove_prefix(head_end + 4);
    const std::string status(head.substr(9, 3));
    parts.push_back(status);
    require(status != "500", "no request is the server's fault");
    if (status == "100") continue;
    // A stream of events is the last answer of its connection.
    const bool stream = head.find("\r\nContent-Type: text/event-stream\r\n") != head.npos ||
                        head.find("\r\nContent-Type: application/x-ndjson\r\n") != head.npos;
    if (stream && !answers.starts_with("HTTP/1.1 ")) {
      parts.back() += std::string(answers);
      return parts;
    }
    constexpr std::string_view length = "\r\nContent-Length: ";
    const std::size_t at = head.find(length);
    if (at == head.npos) continue;
    const std::size_t bytes = std::stoul(std::string(head.substr(at + length.size(), 10)));
    // The answer to a HEAD has none: the next one, or nothing, follows.
    if (answers.empty() || answers.starts_with("HTTP/1.1 ")) continue;
    require(bytes <= answers.size(), "an answer is whole");
    parts.back() += std::string(answers.substr(0, bytes));
    answers.remove_prefix(bytes);
  }
  return parts;
}

// Without the refusal of what is no HTTP, which ends the connection: a head that is wrong and never
// ends is refused at once when it comes in one piece, and when it does not, for its length or
// never.
std::vector<std::string> without_refusal(std::vector<std::string> parts) {
  if (parts.empty()) return parts;
  const bool malformed = parts.back().find("the request is not HTTP/1.1") != std::string::npos;
  if (malformed || parts.back().starts_with("431")) parts.pop_back();
  return parts;
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t cuts = choices.byte();
  const std::uint8_t padding = choices.byte();
  std::string stream(choices.rest());
  // Long heads and bodies, that no mutation would write out.
  if (const std::size_t at = stream.find("@@"); at != stream.npos && (padding & 1) != 0)
    stream.replace(at, 2, std::size_t{1} << (8 + padding % 10), 'a');
  const std::vector<std::string> whole = parts_of(answers_to(stream, 0));
  // A long one byte by byte takes seconds.
  const std::uint8_t slowest = stream.size() > 4096 ? 2 : 1;
  const std::vector<std::string> cut = parts_of(answers_to(stream, std::max(cuts, slowest)));
  require(without_refusal(cut) == without_refusal(whole), "cuts change nothing");
}

const Registration registration({"http_request", 4 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
