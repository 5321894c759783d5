#include "net/tls_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "restored/units.h"

namespace restored::net {
namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* held) const {
    release(held);
  }
};
using SslContext = std::unique_ptr<SSL_CTX, Release<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Release<SSL_free>>;
using SslSession = std::unique_ptr<SSL_SESSION, Release<SSL_SESSION_free>>;

// Several records a recv(), instead of two recv() a record.
constexpr std::size_t read_ahead_bytes = 128 * kKiB;

std::string openssl_text() {
  const unsigned long error = ERR_peek_last_error();
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "unknown error" : reason;
}

// The socket as OpenSSL sees it. Its own socket BIO writes without MSG_NOSIGNAL.
struct Wire {
  TcpStream tcp;
  bool drained = false;  // a read left nothing to be read; until OpenSSL is called again
  bool ended = false;
  std::string broken;
};

Wire& wire_of(BIO* bio) {
  return *static_cast<Wire*>(BIO_get_data(bio));
}

int wire_result(BIO* bio, const Step& step, std::size_t* bytes) {
  *bytes = step.bytes;
  switch (step.kind) {
    case Step::Kind::moved:
      return 1;
    case Step::Kind::wants_read:
      BIO_set_retry_read(bio);
      return 0;
    case Step::Kind::wants_write:
      BIO_set_retry_write(bio);
      return 0;
    case Step::Kind::ended:
      wire_of(bio).ended = true;
      return 0;
    case Step::Kind::failed:
      wire_of(bio).broken = step.reason;
      return 0;
  }
  return 0;
}

int wire_read(BIO* bio, char* into, std::size_t size, std::size_t* bytes) {
  BIO_clear_retry_flags(bio);
  Wire& wire = wire_of(bio);
  if (wire.drained) return wire_result(bio, {Step::Kind::wants_read, 0, {}}, bytes);
  const auto span = std::as_writable_bytes(std::span(into, size));
  const Step step = wire.tcp.read(span);
  wire.drained = step.drained;
  return wire_result(bio, step, bytes);
}

int wire_write(BIO* bio, const char* from, std::size_t size, std::size_t* bytes) {
  BIO_clear_retry_flags(bio);
  return wire_result(bio, wire_of(bio).tcp.write(std::as_bytes(std::span(from, size))), bytes);
}

long wire_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return wire_of(bio).ended ? 1 : 0;
  return 0;
}

BIO_METHOD* wire_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "restored");
    RESTORED_CHECK(made != nullptr, "out of memory at the first TLS connection");
    BIO_meth_set_read_ex(made, wire_read);
    BIO_meth_set_write_ex(made, wire_write);
    BIO_meth_set_ctrl(made, wire_control);
    return made;
  }();
  return method;
}

class TlsStream final : public Stream {
 public:
  // REQUIRES: `ssl` without a BIO.
  TlsStream(TcpStream tcp, Ssl ssl)
      : wire_{std::move(tcp), false, false, {}}, ssl_(std::move(ssl)) {
    BIO* const bio = BIO_new(wire_method());
    RESTORED_CHECK(bio != nullptr, "out of memory for a TLS connection");
    BIO_set_data(bio, &wire_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);  // owns it now
  }
  ~TlsStream() override {
    // Says goodbye if that takes no waiting; a connection that broke cannot say anything.
    if (!failed_) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  Step connect() {
    wire_.drained = false;
    ERR_clear_error();
    const int status = SSL_connect(ssl_.get());
    return status == 1 ? Step{Step::Kind::moved, 1, {}} : outcome(status);
  }

  // As many records as there are, since a poll() would say nothing of what OpenSSL holds already.
  Step read(std::span<std::byte> into) override {
    std::size_t done = 0;
    wire_.drained = false;
    while (done < into.size()) {
      ERR_clear_error();
      std::size_t got = 0;
      const int status = SSL_read_ex(ssl_.get(), into.data() + done, into.size() - done, &got);
      if (status != 1 && done == 0) return outcome(status);
      // What went wrong after the first bytes is told again by the next read.
      if (status != 1) {
        const bool drained = SSL_get_error(ssl_.get(), status) == SSL_ERROR_WANT_READ;
        return {Step::Kind::moved, done, {}, drained};
      }
      done += got;
    }
    return {Step::Kind::moved, done, {}};
  }

  // Of what is to come OpenSSL may hold a part already, so a mark on the socket could wait for
  // ever.
  void expect(std::size_t /*bytes*/) override {}

  Step write(std::span<const std::byte> from) override {
    wire_.drained = false;
    ERR_clear_error();
    std::size_t put = 0;
    const int status = SSL_write_ex(ssl_.get(), from.data(), from.size(), &put);
    return status == 1 ? Step{Step::Kind::moved, put, {}} : outcome(status);
  }

  int fd() const override { return wire_.tcp.fd(); }
  bool quiet() const override { return SSL_has_pending(ssl_.get()) == 0 && wire_.tcp.quiet(); }

  SSL* ssl() const { return ssl_.get(); }
  // The connection broke; not: the peer refused us, or we the peer.
  bool broken() const { return wire_.ended || !wire_.broken.empty(); }

 private:
  Step outcome(int status) {
    switch (SSL_get_error(ssl_.get(), status)) {
      case SSL_ERROR_WANT_READ:
        return {Step::Kind::wants_read, 0, {}};
      case SSL_ERROR_WANT_WRITE:
        return {Step::Kind::wants_write, 0, {}};
      case SSL_ERROR_ZERO_RETURN:
        return {Step::Kind::ended, 0, {}};
      default:
        failed_ = true;
        if (!wire_.broken.empty()) return {Step::Kind::failed, 0, wire_.broken};
        if (wire_.ended) return {Step::Kind::failed, 0, "cut off by the server"};
        return {Step::Kind::failed, 0, openssl_text()};
    }
  }

  Wire wire_;
  const Ssl ssl_;  // after wire_: it uses it until its end
  bool failed_ = false;
};

// OpenSSL says "system lib" for a file that is not there.
std::string unreadable(const std::string& file) {
  const UniqueFd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  return opened ? "it holds no certificate (" + openssl_text() + ")" : errno_text(errno);
}

Failure refusal(const TlsStream& stream, const std::string& host, const std::string& reason) {
  using Kind = Failure::Kind;
  const long verified = SSL_get_verify_result(stream.ssl());
  if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return {Kind::tls_refused, fmt::format("the server's certificate is not for {}", host)};
  }
  if (verified != X509_V_OK) {
    return {Kind::tls_refused, fmt::format("the server's certificate is not accepted: {}",
                                           X509_verify_cert_error_string(verified))};
  }
  // A server that breaks the handshake off, or has a defect of its own, may be back in a moment.
  const bool passing =
      stream.broken() || ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_TLSV1_ALERT_INTERNAL_ERROR;
  return {passing ? Kind::connect_failed : Kind::tls_refused, "in the TLS handshake: " + reason};
}

}  // namespace

struct TlsContext::Shared {
  std::string host;
  bool address = false;
  SslContext context;
  Mutex mutex;
  SslSession session GUARDED_BY(mutex);

  static int keep_session(SSL* ssl, SSL_SESSION* session);
  Ssl connection();
};

// Copies go in and out, so that no two connections share what OpenSSL changes without a lock.
int TlsContext::Shared::keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* const shared = static_cast<Shared*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  SslSession copy(SSL_SESSION_dup(session));
  const MutexLock lock(shared->mutex);
  std::swap(shared->session, copy);
  return 0;  // the caller keeps its own
}

Ssl TlsContext::Shared::connection() {
  Ssl ssl(SSL_new(context.get()));
  RESTORED_CHECK(ssl != nullptr, "out of memory for a TLS connection");
  // SSL_set_tlsext_host_name() without its old-style cast.
  if (!address) {
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data());
  }
  const MutexLock lock(mutex);
  if (session != nullptr) {
    const SslSession copy(SSL_SESSION_dup(session.get()));
    if (copy != nullptr) SSL_set_session(ssl.get(), copy.get());
  }
  return ssl;
}

Result<std::unique_ptr<TlsContext>> TlsContext::make(const std::string& host,
                                                     const std::string& ca_file) {
  ERR_clear_error();
  auto shared = std::make_unique<Shared>();
  shared->host = host;
  shared->address = is_address(host);
  shared->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = shared->context.get();
  RESTORED_CHECK(context != nullptr, "OpenSSL has a client's method");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  // So that a write never waits for what a read would have to take in first.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, read_ahead_bytes);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context, shared.get());
  SSL_CTX_sess_set_new_cb(context, Shared::keep_session);
  X509_VERIFY_PARAM* const verify = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int named = shared->address ? X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str())
                                    : X509_VERIFY_PARAM_set1_host(verify, host.c_str(), 0);
  // Without a name to compare with, every certificate of every host would do.
  if (named != 1) return fail(ErrorCode::store_misconfigured, fmt::format("not a host: {}", host));
  if (ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else {
    if (SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) != 1) {
      return fail(ErrorCode::store_misconfigured,
                  fmt::format("CA file {}: {}", ca_file, unreadable(ca_file)),
                  "Name a file of PEM certificates that the agent's user may read.");
    }
    // What the operator names is trusted, also where it is not the top of the chain.
    X509_VERIFY_PARAM_set_flags(verify, X509_V_FLAG_PARTIAL_CHAIN);
  }
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(shared)));
}

TlsContext::TlsContext(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}
TlsContext::~TlsContext() = default;

std::expected<std::unique_ptr<Stream>, Failure> TlsContext::handshake(TcpStream tcp,
                                                                      Patience& patience,
                                                                      Time until) {
  auto stream = std::make_unique<TlsStream>(std::move(tcp), shared_->connection());
  for (;;) {
    const Step step = stream->connect();
    if (step.kind == Step::Kind::moved) break;
    const bool wants_read = step.kind == Step::Kind::wants_read;
    if (!wants_read && step.kind != Step::Kind::wants_write) {
      return std::unexpected(refusal(*stream, shared_->host, step.reason));
    }
    short seen = 0;
    const Waited waited = patience.wait(stream->fd(), wants_read ? POLLIN : POLLOUT, seen, until);
    if (waited != Waited::ready) {
      return std::unexpected(patience.failure(waited, "shaking hands for TLS"));
    }
    patience.moved();
  }
  return stream;
}

}  // namespace restored::net
