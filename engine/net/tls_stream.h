// TLS 1.2 and later over a TCP connection, the client's side: the peer is who its certificate says,
// or there is no connection.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "net/patience.h"
#include "net/stream.h"
#include "net/tcp_stream.h"
#include "restored/error.h"

namespace restored::net {

// What the connections to one host share: the CAs, and the last session, which makes the next
// handshake short.
// Threading: all methods may be called from any thread at once.
class TlsContext {
 public:
  // ca_file empty: the system's. Errors: store_misconfigured.
  static Result<std::unique_ptr<TlsContext>> make(const std::string& host,
                                                  const std::string& ca_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Kinds: tls_refused, connect_failed (the connection broke, or took too long), timed_out (the
  // request's own limits), cancelled.
  std::expected<std::unique_ptr<Stream>, Failure> handshake(TcpStream tcp, Patience& patience,
                                                            Time until);

 private:
  struct Shared;
  explicit TlsContext(std::unique_ptr<Shared> shared);
  const std::unique_ptr<Shared> shared_;
};

}  // namespace restored::net
