#include "http.h"

#include <fmt/core.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <vector>

#include "restored/limits.h"

namespace restored::ctl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol>;

constexpr std::chrono::milliseconds look_every{200};

Error translate(const Address& address, const HttpRequest& request, const char* step,
                const beast::error_code& error) {
  const std::string where = to_text(address);
  if (error == beast::error::timeout) {
    return Error{ErrorCode::timed_out,
                 fmt::format("{} did not answer within {} s", where, request.deadline.count()),
                 request.method == "GET" ? "The agent may be overloaded: look at its log."
                                         : "The request may still be carried out: look at "
                                           "restorectl operation list before you repeat it."};
  }
  if (error == boost::system::errc::permission_denied) {
    return Error{ErrorCode::permission_denied,
                 fmt::format("cannot {} {}: {}", step, where, error.message()),
                 "Join the group restored, or run this as root."};
  }
  return Error{ErrorCode::connection_failed,
               fmt::format("cannot {} {}: {}", step, where, error.message()), ""};
}

// One call: an io_context that runs one step at a time, so that every step has the deadline.
class Call {
 public:
  Call(const Address& address, const HttpRequest& request)
      : address_(address), request_(request), stream_(context_) {
    stream_.expires_after(request.deadline);
  }

  Result<HttpAnswer> run() {
    RESTORED_TRY(auto endpoints, resolve());
    RESTORED_TRY(connect(endpoints));
    return exchange();
  }

  Result<HttpAnswer> run(const TakeLine& line, const Wanted& wanted) {
    RESTORED_TRY(auto endpoints, resolve());
    RESTORED_TRY(connect(endpoints));
    return stream(line, wanted);
  }

  // The connection was there, and ended without an answer.
  bool broke() const { return broke_; }

 private:
  Result<std::vector<Protocol::endpoint>> resolve() {
    if (const auto* local = std::get_if<UnixAddress>(&address_)) {
      return std::vector<Protocol::endpoint>{asio::local::stream_protocol::endpoint(local->path)};
    }
    const auto& remote = std::get<TcpAddress>(address_);
    asio::ip::tcp::resolver resolver(context_);
    beast::error_code error;
    const auto found = resolver.resolve(remote.host, remote.port, error);
    if (error) return std::unexpected(translate(address_, request_, "find", error));
    std::vector<Protocol::endpoint> endpoints;
    for (const auto& entry : found) endpoints.emplace_back(entry.endpoint());
    return endpoints;
  }

  Result<void> connect(const std::vector<Protocol::endpoint>& endpoints) {
    beast::error_code error = asio::error::host_not_found;
    for (const auto& endpoint : endpoints) {
      beast::error_code ignored;
      stream_.socket().close(ignored);
      stream_.async_connect(endpoint, [&](beast::error_code result) { error = result; });
      drive();
      if (!error) return {};
    }
    return std::unexpected(translate(address_, request_, "connect to", error));
  }

  // Whether it could be sent whole.
  beast::error_code send() {
    http::request<http::string_body> message(http::string_to_verb(request_.method), request_.target,
                                             11);
    message.set(http::field::host, "restored");
    message.set(http::field::user_agent, "restorectl");
    message.set(http::field::connection, "close");
    message.set(http::field::authorization, "Bearer " + request_.token);
    if (!request_.accept.empty()) message.set(http::field::accept, request_.accept);
    if (!request_.idempotency_key.empty()) {
      message.set("Idempotency-Key", request_.idempotency_key);
    }
    if (!request_.prefer.empty()) message.set(http::field::prefer, request_.prefer);
    if (!request_.body.empty()) {
      message.set(http::field::content_type, "application/json");
      message.body() = request_.body;
    }
    message.prepare_payload();

    beast::error_code written;
    http::async_write(stream_, message, [&](beast::error_code e, std::size_t) { written = e; });
    drive();
    return written;
  }

  template <class Message>
  static HttpAnswer answer_of(const Message& message) {
    HttpAnswer result;
    result.status = static_cast<int>(message.result_int());
    result.operation_location = std::string(message["Operation-Location"]);
    result.preference_applied = std::string(message["Preference-Applied"]);
    result.request_id = std::string(message["X-Request-Id"]);
    return result;
  }

  Result<HttpAnswer> exchange() {
    const beast::error_code written = send();
    // An agent that refuses early answers before it has read everything: look for the answer even
    // when the request could not be sent whole.
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(limits::manifest_bytes_max);
    beast::error_code error;
    http::async_read(stream_, buffer, parser, [&](beast::error_code e, std::size_t) { error = e; });
    drive();
    if (error) {
      broke_ = error != beast::error::timeout;
      return std::unexpected(
          translate(address_, request_, "get an answer from", written ? written : error));
    }
    auto answer = parser.release();
    HttpAnswer result = answer_of(answer);
    result.body = std::move(answer.body());
    return result;
  }

  Result<HttpAnswer> stream(const TakeLine& line, const Wanted& wanted) {
    const beast::error_code written = send();
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    while (!parser.is_done()) {
      // While events come quickly no read takes as long as the next look.
      if (!wanted()) return fail(ErrorCode::cancelled, "nobody waits for it any more");
      stream_.expires_after(request_.deadline);
      beast::error_code error;
      http::async_read_some(stream_, buffer, parser,
                            [&](beast::error_code e, std::size_t) { error = e; });
      if (!drive_while(wanted)) return fail(ErrorCode::cancelled, "nobody waits for it any more");
      if (error) {
        return std::unexpected(
            translate(address_, request_, "get an answer from", written ? written : error));
      }
      if (!parser.is_header_done()) continue;
      std::string& body = parser.get().body();
      if (parser.get().result() != http::status::ok) {
        if (body.size() > limits::http_body_bytes_max) break;
        continue;
      }
      for (std::size_t end = body.find('\n'); end != std::string::npos; end = body.find('\n')) {
        const bool more = line(std::string_view(body).substr(0, end));
        if (!more) return answer_of(parser.get());
        body.erase(0, end + 1);
      }
    }
    HttpAnswer result = answer_of(parser.get());
    result.body = parser.get().body();
    return result;
  }

  void drive() {
    context_.restart();
    context_.run();
  }

  // False: it was wanted no more, and is cancelled.
  bool drive_while(const Wanted& wanted) {
    context_.restart();
    while (context_.run_for(look_every), !context_.stopped()) {
      if (wanted()) continue;
      stream_.cancel();
      context_.run();
      return false;
    }
    return true;
  }

  const Address& address_;
  const HttpRequest& request_;
  asio::io_context context_;
  Stream stream_;
  bool broke_ = false;
};

}  // namespace

Result<HttpAnswer> http_call(const Address& address, const HttpRequest& request) {
  Call first(address, request);
  Result<HttpAnswer> answer = first.run();
  if (answer || !first.broke() || request.idempotency_key.empty()) return answer;
  Call second(address, request);
  return second.run();
}

Result<HttpAnswer> http_lines(const Address& address, const HttpRequest& request,
                              const TakeLine& line, const Wanted& wanted) {
  Call call(address, request);
  return call.run(line, wanted);
}

}  // namespace restored::ctl
