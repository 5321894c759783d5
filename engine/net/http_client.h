// HTTP/1.1 requests over pooled keep-alive connections, plain or TLS, one attempt each: no retries,
// no redirects, no cookies. What an answer means is the caller's to say.
//
// The body of an answer goes straight from the socket (or from TLS) into the caller's memory where
// its length is told beforehand. Every wait ends soon after the stop token fires, at the stall
// limit (no byte moved for that long) or at the request's deadline, whichever comes first.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "restored/error.h"

namespace restored::net {

struct Endpoint {
  bool tls = false;
  std::string host;  // a name, or an address: "10.0.0.7", "::1"
  std::uint16_t port = 0;

  // "10.0.0.7:8000", "[::1]:8000": for messages.
  std::string text() const;
  // What the Host header holds: without the port where it is the scheme's own.
  std::string authority() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// An IPv4 or IPv6 address, not a name.
bool is_address(const std::string& host);

using Header = std::pair<std::string, std::string>;

struct Request {
  std::string method;
  std::string target;           // path and query, already encoded
  std::vector<Header> headers;  // Host among them; Content-Length is added where it belongs
  std::span<const std::byte> body;
};

struct ResponseHead {
  unsigned status = 0;
  std::vector<Header> headers;
  std::optional<std::uint64_t> content_length;  // nothing: chunked, or until the connection ends

  // The first one's value; names are compared without case. Empty: there is none.
  std::string_view header(std::string_view name) const;
};

struct Response {
  ResponseHead head;
  std::string body;  // what did not go into the caller's memory
};

// Why there is no answer, or no whole one.
struct Failure {
  enum class Kind : std::uint8_t {
    name_unknown,      // the name does not exist: it will not on the next try either
    name_unavailable,  // the resolver does not answer, or not in time
    connect_failed,    // refused, unreachable, timed out, broken off in the TLS handshake
    tls_refused,       // the peer's certificate or its protocol
    timed_out,         // stalled, or past the deadline
    closed,            // reset, or closed before the end
    malformed,         // not HTTP, or more than the limits allow; or a request that is none
    too_long,          // a body to be collected, of more than Target::collect_bytes_max
    cancelled,
  };
  Kind kind = Kind::closed;
  std::string message;  // names the endpoint, never a header's value
  // A kept connection that ended before a byte of the answer came: most often the server closed it
  // while it was idle, so the same request can be sent again at once. Or what came was the rest of
  // another answer.
  bool stale_connection = false;
};

// A body that is collected up to so many bytes has its memory from the beginning: a secret in it
// leaves no copies behind.
inline constexpr std::size_t collected_at_once = 64 << 10;

// Where a body's bytes go, decided once the head is known.
struct Target {
  // What the caller wants of this body: `into` is to be filled completely by it, and a body of any
  // other length is refused (Kind::closed when it is shorter, malformed when it is longer).
  // Nothing: the body is collected into Response::body, up to `collect_bytes_max`; a longer one is
  // too_long in an answer of success, and cut in every other.
  // Not asked where there can be no body: after a HEAD, and of a 204 or 304. May be empty.
  std::function<std::optional<std::span<std::byte>>(const ResponseHead&)> choose;
  std::size_t collect_bytes_max = 0;
  // Told how many bytes more have arrived in `into`; also before a failure, so that the caller
  // knows where to go on. May be empty.
  std::function<void(std::size_t)> arrived;
};

struct Limits {
  std::chrono::milliseconds connect{5'000};  // the name, all of its addresses, TLS
  std::chrono::milliseconds stall{20'000};
  std::chrono::milliseconds deadline{60'000};  // of the whole request
};

struct ClientOptions {
  Endpoint endpoint;
  std::string ca_file;  // PEM; empty: the system's
  std::chrono::seconds idle{15};
  unsigned idle_connections_max = 64;
};

// Threading: all methods may be called from any thread at once; each caller has a connection of its
// own while it waits.
class HttpClient {
 public:
  // Connects to nothing yet. Errors: store_misconfigured (a CA file that cannot be read or holds
  // no certificate).
  static Result<std::unique_ptr<HttpClient>> make(ClientOptions options);
  // REQUIRES: no call runs. Waits for a lookup of the name that is under way.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // A HEAD's answer has no body, whatever its headers say. Bytes that a server sends although it
  // should not (after a HEAD, a 204, or the end of a body) end the connection's reuse, no more.
  std::expected<Response, Failure> send(const Request& request, const Target& target,
                                        const Limits& limits, std::stop_token stop);

  const Endpoint& endpoint() const;
  std::uint64_t connections_made() const;  // and usable; for tests and metrics

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace restored::net
