#include "control/session.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "control/answers.h"
#include "control/departure.h"
#include "control/exchange.h"
#include "control/incoming.h"
#include "control/router.h"
#include "restored/limits.h"

namespace restored::control {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using Stream = beast::basic_stream<asio::generic::stream_protocol>;

// Errors come back as values. Named, because g++ 12 destroys temporaries of a co_await twice.
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

template <class Message>
void set_header(Message& message, const Incoming& incoming, const Response& response) {
  message.set(http::field::server, "restored");
  message.set(http::field::date, fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT",
                                             fmt::gmtime(std::chrono::system_clock::to_time_t(
                                                 std::chrono::system_clock::now()))));
  message.set(http::field::cache_control, "no-store");
  message.set("X-Request-Id", incoming.request.id);
  for (const auto& [name, value] : response.headers) message.insert(name, value);
  if (response.status != 204) {
    message.set(http::field::content_type, response.content_type);
    if (!response.follow) message.content_length(response.body.size());
  }
  message.keep_alive(incoming.keep_alive);
}

class HttpSession final : public Session, public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(ClientSocket socket, SessionHost& host, std::string peer)
      : stream_(std::move(socket)),
        buffer_(limits::http_header_bytes_max + limits::http_body_bytes_max),
        host_(host),
        peer_(std::move(peer)) {}

  asio::awaitable<void> run() override;
  void stop() override;
  void abort() override;

 private:
  asio::awaitable<bool> wait_for_bytes();
  asio::awaitable<std::optional<Incoming>> receive();
  asio::awaitable<bool> receive_body(Parser& parser, Incoming& incoming);
  asio::awaitable<beast::error_code> read_body(Parser& parser);
  asio::awaitable<Response> answer(Incoming& incoming);
  asio::awaitable<bool> send(const Incoming& incoming, const Response& response);
  asio::awaitable<bool> follow(const Incoming& incoming, const Response& response);
  asio::awaitable<bool> send_event(std::string bytes, bool chunked);
  void watch_follower(std::size_t received);
  asio::awaitable<void> linger();
  asio::awaitable<Response> run_on(Workers& workers, std::move_only_function<Response()> job);
  void set_deadline(unsigned seconds) { stream_.expires_after(std::chrono::seconds(seconds)); }

  Stream stream_;
  beast::flat_buffer buffer_;
  SessionHost& host_;
  const std::string peer_;
  std::stop_source wait_stop_;
  Following* following_ = nullptr;       // while events are sent
  std::array<char, 512> unwanted_ = {};  // what a follower sends meanwhile
  bool idle_ = false;
};

asio::awaitable<void> HttpSession::run() {
  while (!host_.stopping) {
    const bool bytes = co_await wait_for_bytes();
    if (!bytes) break;
    std::optional<Incoming> incoming = co_await receive();
    if (!incoming) break;
    const Response response = co_await answer(*incoming);
    const bool stream = response.follow && !incoming->head;
    if (host_.stopping || stream) incoming->keep_alive = false;
    bool sent = false;
    if (stream) {
      sent = co_await follow(*incoming, response);
      if (host_.stopping) sent = false;  // nothing more comes, and nobody waits for it
    } else {
      sent = co_await send(*incoming, response);
    }
    log_access(*incoming, response);
    if (!sent) break;
    if (!incoming->keep_alive) {
      co_await linger();
      break;
    }
  }
  abort();
}

// Between two requests: the next one may already stand in the buffer.
asio::awaitable<bool> HttpSession::wait_for_bytes() {
  if (buffer_.size() > 0) co_return true;
  set_deadline(host_.options.idle_seconds);
  const asio::mutable_buffer room = buffer_.prepare(4 * kKiB);
  idle_ = true;
  const auto [error, count] = co_await stream_.async_read_some(room, as_result);
  idle_ = false;
  if (error) co_return false;
  buffer_.commit(count);
  co_return true;
}

// One deadline for the whole request: a client that sends a byte now and then is cut too.
asio::awaitable<std::optional<Incoming>> HttpSession::receive() {
  set_deadline(host_.options.request_seconds);
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits::http_header_bytes_max));
  parser.body_limit(limits::http_body_bytes_max);
  const auto [error, count] = co_await http::async_read_header(stream_, buffer_, parser, as_result);
  Incoming incoming;
  incoming.begin = std::chrono::steady_clock::now();
  incoming.request = request_from(parser, peer_);
  incoming.head = parser.get().method() == http::verb::head;
  if (error) {
    std::optional<Error> refusal = refusal_of(error);
    if (!refusal) co_return std::nullopt;
    incoming.refused = true;
    incoming.refusal = std::move(*refusal);
    co_return incoming;
  }
  incoming.keep_alive = parser.get().keep_alive();
  incoming.takes_chunks = parser.get().version() >= 11;
  const bool received = co_await receive_body(parser, incoming);
  if (!received) co_return std::nullopt;
  co_return incoming;
}

// False when the stream is over.
asio::awaitable<bool> HttpSession::receive_body(Parser& parser, Incoming& incoming) {
  if (!parser.is_done() && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const asio::const_buffer bytes(go_on.data(), go_on.size());
    const auto [error, count] = co_await asio::async_write(stream_, bytes, as_result);
    if (error) co_return false;
  }
  asio::awaitable<beast::error_code> reading = read_body(parser);
  const beast::error_code error = co_await std::move(reading);
  if (!error) {
    incoming.request.body = std::move(parser.get().body());
    co_return true;
  }
  std::optional<Error> refusal = refusal_of(error);
  if (!refusal) co_return false;
  incoming.refused = true;
  incoming.refusal = std::move(*refusal);
  incoming.keep_alive = false;
  co_return true;
}

// Not Beast's own loop: that asks the parser again with however little has arrived, and the parser
// asserts that behind a last chunk's line there are the five bytes of the shortest end,
// "0\r\n\r\n".
asio::awaitable<beast::error_code> HttpSession::read_body(Parser& parser) {
  constexpr std::size_t last_chunk_bytes = 5;
  beast::error_code error;
  parser.eager(true);
  std::size_t wanted = 1;
  while (!parser.is_done()) {
    if (buffer_.size() < wanted) {
      const std::size_t free_bytes = buffer_.max_size() - buffer_.size();
      if (free_bytes == 0) co_return http::error::buffer_overflow;
      const asio::mutable_buffer room =
          buffer_.prepare(std::min<std::size_t>(free_bytes, 4 * kKiB));
      const auto [broken, count] = co_await stream_.async_read_some(room, as_result);
      if (broken) co_return broken;
      buffer_.commit(count);
      continue;
    }
    buffer_.consume(parser.put(buffer_.data(), error));
    wanted = 1;
    if (error == http::error::need_more) {
      wanted = std::max(last_chunk_bytes, buffer_.size() + 1);
    } else if (error) {
      co_return error;
    }
  }
  co_return beast::error_code();
}

asio::awaitable<Response> HttpSession::answer(Incoming& incoming) {
  Exchange exchange(host_.site, incoming.request);
  const Reach reach = incoming.refused ? exchange.refusal_reach() : exchange.reach();
  Workers& handlers = host_.handlers[static_cast<std::size_t>(reach)];
  std::move_only_function<Response()> handle = [&exchange, &incoming] {
    return incoming.refused ? exchange.refuse(incoming.refusal) : exchange.answer();
  };
  asio::awaitable<Response> handled = run_on(handlers, std::move(handle));
  Response response = co_await std::move(handled);
  if (response.follow && !host_.events.has_room()) {
    const Error full{ErrorCode::too_many_clients, "as many event streams as can be are open", {}};
    Response refused = error_answer(full, Surface::first, incoming.request.accept);
    refused.principal = response.principal;
    co_return refused;
  }
  if (!response.wait) co_return response;
  // Only this thread submits, so the room cannot be taken in between.
  if (host_.stopping || !host_.waiters.has_room()) {
    std::move_only_function<Response()> keep = [&exchange, &response] {
      return exchange.unwaited(std::move(response));
    };
    asio::awaitable<Response> kept = run_on(handlers, std::move(keep));
    Response whole = co_await std::move(kept);
    co_return whole;
  }
  const Wait wait = std::move(*response.wait);
  response.wait.reset();
  wait_stop_ = std::stop_source();
  std::move_only_function<Response()> finish = [&exchange, &wait, stop = wait_stop_.get_token()] {
    return exchange.finish(wait, stop);
  };
  // A client that hangs up must not hold a waiting thread. Its stop is this wait's own: that of a
  // later one is another's.
  const Departure departure(stream_.get_executor(), stream_.socket().native_handle(),
                            [stop = wait_stop_]() mutable { stop.request_stop(); });
  asio::awaitable<Response> finished = run_on(host_.waiters, std::move(finish));
  response = co_await std::move(finished);
  co_return response;
}

// Runs the job on a pool and resumes the coroutine on the socket thread.
asio::awaitable<Response> HttpSession::run_on(Workers& workers,
                                              std::move_only_function<Response()> job) {
  const asio::any_io_executor executor = stream_.get_executor();
  const auto begin = [executor, &workers](auto handler, std::move_only_function<Response()> work) {
    auto busy = asio::make_work_guard(executor);
    workers.submit([executor, busy = std::move(busy), handler = std::move(handler),
                    work = std::move(work)]() mutable {
      Response response = work();
      work = nullptr;
      asio::post(executor, [handler = std::move(handler), busy = std::move(busy),
                            response = std::move(response)]() mutable {
        std::move(handler)(std::move(response));
      });
    });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Response)>(
      begin, asio::use_awaitable, std::move(job));
}

asio::awaitable<bool> HttpSession::send(const Incoming& incoming, const Response& response) {
  set_deadline(host_.options.request_seconds);
  const auto status = static_cast<unsigned>(response.status);
  if (incoming.head || response.status == 204) {
    http::response<http::empty_body> message;
    message.result(status);
    set_header(message, incoming, response);
    const auto [error, count] = co_await http::async_write(stream_, message, as_result);
    co_return !error;
  }
  http::response<http::string_body> message;
  message.result(status);
  message.body() = response.body;
  set_header(message, incoming, response);
  const auto [error, count] = co_await http::async_write(stream_, message, as_result);
  co_return !error;
}

// Events until the operation ends, the client leaves or does not read, or the server stops. No
// deadline between two of them: a stream is not idle. True: the stream came to its end.
asio::awaitable<bool> HttpSession::follow(const Incoming& incoming, const Response& response) {
  Following following(host_.events, *response.follow);
  http::response<http::empty_body> message;
  message.result(static_cast<unsigned>(response.status));
  set_header(message, incoming, response);
  message.chunked(incoming.takes_chunks);
  http::response_serializer<http::empty_body> serializer(message);
  set_deadline(host_.options.request_seconds);
  const auto [error, count] = co_await http::async_write_header(stream_, serializer, as_result);
  if (error) co_return false;
  // However it is left: nothing waits for the follower's bytes any more.
  const auto watched = [this](Following* of) {
    following_ = of;
    if (of != nullptr) return watch_follower(0);
    beast::error_code ignored;
    stream_.socket().cancel(ignored);
  };
  watched(&following);
  const auto let_go = [&watched](Following*) { watched(nullptr); };
  std::unique_ptr<Following, decltype(let_go)> watching(&following, let_go);
  bool sent = true;
  while (sent && !host_.stopping) {
    asio::awaitable<std::string> event = following.next();
    std::string bytes = co_await std::move(event);
    if (bytes.empty()) break;
    asio::awaitable<bool> sending = send_event(std::move(bytes), incoming.takes_chunks);
    sent = co_await std::move(sending);
  }
  watching.reset();
  if (!sent || !incoming.takes_chunks) co_return sent;
  set_deadline(limits::http_linger_seconds);
  const auto last = http::make_chunk_last();
  const auto [broken, last_count] = co_await asio::async_write(stream_, last, as_result);
  co_return !broken;
}

// A client that does not take one event within the deadline is cut: it may come again, and hears
// what is the case then.
asio::awaitable<bool> HttpSession::send_event(std::string bytes, bool chunked) {
  set_deadline(host_.options.request_seconds);
  if (!chunked) {
    const asio::const_buffer plain(bytes.data(), bytes.size());
    const auto [error, count] = co_await asio::async_write(stream_, plain, as_result);
    co_return !error;
  }
  const auto chunk = http::make_chunk(asio::const_buffer(bytes.data(), bytes.size()));
  const auto [error, count] = co_await asio::async_write(stream_, chunk, as_result);
  co_return !error;
}

// Sees a follower leave, also in the middle of a silence. Not through the stream, whose deadline is
// that of sending.
void HttpSession::watch_follower(std::size_t received) {
  if (received > limits::event_input_bytes_max) return abort();
  stream_.socket().async_read_some(
      asio::buffer(unwanted_),
      [self = shared_from_this(), received](const beast::error_code& error, std::size_t count) {
        if (self->following_ == nullptr) return;
        if (error) {
          self->following_->stop();
        } else {
          self->watch_follower(received + count);
        }
      });
}

// A socket that is closed with unread bytes resets the connection, and the client may never see
// the answer: first say that nothing more comes, then read what it still sends, for a while.
asio::awaitable<void> HttpSession::linger() {
  beast::error_code ignored;
  stream_.socket().shutdown(ClientSocket::shutdown_send, ignored);
  set_deadline(limits::http_linger_seconds);
  buffer_.consume(buffer_.size());
  while (true) {
    const asio::mutable_buffer room = buffer_.prepare(4 * kKiB);
    const auto [error, count] = co_await stream_.async_read_some(room, as_result);
    if (error) co_return;
  }
}

void HttpSession::stop() {
  wait_stop_.request_stop();
  if (following_ != nullptr) following_->stop();
  if (idle_) abort();
}

void HttpSession::abort() {
  if (following_ != nullptr) following_->stop();
  stream_.close();
}

}  // namespace

std::shared_ptr<Session> Session::make(ClientSocket socket, SessionHost& host, std::string peer) {
  return std::make_shared<HttpSession>(std::move(socket), host, std::move(peer));
}

}  // namespace restored::control
