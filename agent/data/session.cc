#include "data/session.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>

#include "base/log.h"
#include "data/numbers.h"
#include "data/resumed_by.h"

namespace restored::data {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t flush_bytes = 256 * 1024;  // of one read's replies, before all are there
constexpr std::size_t buffers_max = 64;          // of one write
constexpr std::chrono::seconds linger_time(5);
constexpr auto token = asio::as_tuple(asio::use_awaitable);

ParserLimits parser_limits(const DataOptions& options) {
  ParserLimits parser;
  parser.bulk_bytes_max = options.value_bytes_max;
  return parser;
}

bool holds_secret(Arguments request) {
  return !request.empty() &&
         (equals_ignoring_case(request[0], "auth") || equals_ignoring_case(request[0], "hello"));
}

}  // namespace

Session::Session(ServerState& server, Socket socket, std::shared_ptr<ClientRecord> record)
    : client_(server, std::move(record)),
      socket_(std::move(socket)),
      lingering_(socket_.get_executor()),
      parser_(parser_limits(server.options)) {}

void Session::kill() {
  killed_ = true;
  lingering_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

void Session::drain() {
  draining_ = true;
  error_code ignored;
  socket_.shutdown(Socket::shutdown_receive, ignored);  // wakes the read
}

bool Session::revoked() const {
  // A worker's request ends on its own; the next one is not taken.
  return !on_worker_ && client_.authenticated() &&
         !client_.server.engine.connection_exists(client_.connection);
}

asio::awaitable<void> Session::run(std::shared_ptr<Session> session) {
  try {
    co_await session->serve();
  } catch (const std::exception& error) {
    log::error("data", "connection {} ends: {}", session->client_.record->id, error.what());
  }
  session->kill();
}

asio::awaitable<void> Session::serve() {
  while (!killed_ && !draining_ && !client_.closing) {
    const auto room = input_.prepare(parser_.bytes_wanted());
    const auto buffer = asio::buffer(room.data(), room.size());
    const auto [error, bytes] = co_await socket_.async_read_some(buffer, token);
    if (error) break;
    input_.commit(bytes);
    if (revoked()) co_return;
    client_.record->active_at.store(client_.server.clock.wall(), std::memory_order_relaxed);
    while (run_requests()) {
      flush();  // what was answered before the one that waits
      co_await finish_paused(paused_, parser_.arguments());
      input_.consume(parser_.consumed());
    }
    flush();
    note_state();
    if (input_exceeded()) break;
  }
  co_await linger();
}

bool Session::run_requests() {
  while (!killed_ && !client_.closing) {
    parser_.set_authenticated(client_.authenticated());
    const auto status = parser_.parse(input_.unread());
    if (status == RequestParser::Status::incomplete) return false;
    if (status == RequestParser::Status::error) {
      client_.reply.error(parser_.error());
      client_.closing = true;
      return false;
    }
    const bool secret = holds_secret(parser_.arguments());
    if (!answer(parser_.arguments())) return true;
    if (secret) {
      input_.consume_secret(parser_.consumed());
    } else {
      input_.consume(parser_.consumed());
    }
    if (client_.reply.bytes() > flush_bytes) flush();
  }
  return false;
}

bool Session::answer(Arguments request) {
  if (request.empty()) return true;
  // A browser was lured here: hang up, as Redis does.
  if (equals_ignoring_case(request[0], "post") || equals_ignoring_case(request[0], "host:")) {
    log::warning("data", "connection {} speaks HTTP and is closed", client_.record->id);
    kill();
    return true;
  }
  paused_ = run_request(client_, request, false);
  if (paused_.pause != Pause::none) return false;
  client_.server.commands.fetch_add(1, std::memory_order_relaxed);
  if (client_.database) {
    client_.database->counters.commands.fetch_add(1, std::memory_order_relaxed);
  }
  return true;
}

asio::awaitable<void> Session::finish_paused(Outcome outcome, Arguments request) {
  while (outcome.pause != Pause::none) {
    const std::function<void(std::function<void()>)> subscribe = [&](std::function<void()> resume) {
      if (outcome.pause == Pause::worker) {
        client_.server.workers->submit([this, request, resume = std::move(resume)] {
          run_on_worker(request);
          resume();
        });
      } else {
        when_runnable(client_, outcome, std::move(resume));
      }
    };
    on_worker_ = outcome.pause == Pause::worker;
    co_await resumed_by(subscribe);
    if (std::exchange(on_worker_, false)) break;
    outcome = run_request(client_, request, false);
  }
  client_.server.commands.fetch_add(1, std::memory_order_relaxed);
  if (client_.database) {
    client_.database->counters.commands.fetch_add(1, std::memory_order_relaxed);
  }
}

void Session::run_on_worker(Arguments request) {
  try {
    run_blocking(client_, request);
  } catch (const std::exception& error) {
    log::error("data", "connection {} ends: {}", client_.record->id, error.what());
    client_.hold.release();
    client_.closing = true;
  }
}

void Session::flush() {
  Reply& reply = client_.reply;
  if (client_.database && reply.errors() != errors_counted_) {
    client_.database->counters.errors.fetch_add(reply.errors() - errors_counted_,
                                                std::memory_order_relaxed);
  }
  errors_counted_ = reply.errors();
  if (killed_ || (reply.empty() && !reply.overflowed())) return;
  std::size_t sent = 0;
  if (output_.empty() && !reply.contiguous().empty()) {
    const std::string_view text = reply.contiguous();
    error_code error;
    sent = socket_.write_some(asio::buffer(text.data(), text.size()), error);
    if (error && error != asio::error::would_block) return kill();
    if (sent == text.size() && !reply.overflowed()) return reply.clear();
  }
  const bool overflowed = reply.overflowed() || output_.bytes() + reply.bytes() >
                                                    client_.server.options.output_buffer_bytes_max;
  if (overflowed) {
    log::warning("data", "connection {} is closed: it does not read its replies, or one is too big",
                 client_.record->id);
    return kill();
  }
  reply.move_to(output_, sent);
  send_queued();
  if (!output_.empty() && !sending_ && !killed_) {
    sending_ = true;
    asio::co_spawn(socket_.get_executor(), send_rest(shared_from_this()), asio::detached);
  }
}

void Session::send_queued() {
  while (!output_.empty()) {
    std::array<std::string_view, buffers_max> views;
    const std::size_t count = output_.front(views);
    std::array<asio::const_buffer, buffers_max> buffers;
    for (std::size_t i = 0; i < count; ++i) {
      buffers[i] = asio::const_buffer(views[i].data(), views[i].size());
    }
    error_code error;
    const std::size_t sent = socket_.write_some(buffers, error);
    if (error == asio::error::would_block) return;
    if (error) return kill();
    output_.drop(sent);
  }
}

asio::awaitable<void> Session::send_rest(std::shared_ptr<Session> session) {
  while (!session->killed_ && !session->output_.empty()) {
    const auto [error] = co_await session->socket_.async_wait(Socket::wait_write, token);
    if (error) break;
    session->send_queued();
    session->note_state();
  }
  session->sending_ = false;
  session->lingering_.cancel();
}

asio::awaitable<void> Session::linger() {
  flush();
  if (!killed_ && sending_) {
    lingering_.expires_after(linger_time);
    const auto [ignored] = co_await lingering_.async_wait(token);
    (void)ignored;
  }
}

// Between requests everything was consumed but the beginning of one.
bool Session::input_exceeded() const {
  if (input_.unread().size() <= client_.server.options.input_buffer_bytes_max) return false;
  log::warning("data", "connection {} is closed: one request is larger than the input bound",
               client_.record->id);
  return true;
}

void Session::note_state() {
  constexpr auto relaxed = std::memory_order_relaxed;
  ClientRecord& record = *client_.record;
  record.input_bytes.store(input_.unread().size(), relaxed);
  record.input_free_bytes.store(input_.free_bytes(), relaxed);
  record.output_bytes.store(output_.bytes(), relaxed);
  record.output_chunks.store(output_.chunks(), relaxed);
}

}  // namespace restored::data
