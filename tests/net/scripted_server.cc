#include "scripted_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/check.h"

namespace restored::net_test {

long Peer::receive(char* into, std::size_t bytes) {
  if (ssl_ != nullptr) return SSL_read(ssl_, into, static_cast<int>(bytes));
  return ::recv(fd_, into, bytes, 0);
}

std::string Peer::read_head() {
  for (;;) {
    const auto end = pending_.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::string head = pending_.substr(0, end + 4);
      pending_.erase(0, end + 4);
      return head;
    }
    std::array<char, 16 * 1024> some{};
    const long got = receive(some.data(), some.size());
    if (got <= 0) return "";
    pending_.append(some.data(), static_cast<std::size_t>(got));
  }
}

std::string Peer::read(std::size_t bytes) {
  std::string body = pending_.substr(0, bytes);
  pending_.erase(0, body.size());
  while (body.size() < bytes) {
    std::array<char, 64 * 1024> some{};
    const long got = receive(some.data(), std::min(some.size(), bytes - body.size()));
    if (got <= 0) break;
    body.append(some.data(), static_cast<std::size_t>(got));
  }
  return body;
}

bool Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const long put = ssl_ != nullptr
                         ? SSL_write(ssl_, bytes.data(),
                                     static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)))
                         : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

void Peer::wait_for_end() {
  std::array<char, 64 * 1024> some{};
  while (receive(some.data(), some.size()) > 0) {
  }
}

void Peer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Peer::cut() {
  ::shutdown(fd_, SHUT_WR);
}

ScriptedServer::ScriptedServer(Script script, const Issued* identity) : script_(std::move(script)) {
  if (identity != nullptr) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's sockets would raise it
    tls_ = SSL_CTX_new(TLS_server_method());
    RESTORED_CHECK(
        SSL_CTX_use_certificate_chain_file(tls_, identity->certificate_file.c_str()) == 1 &&
            SSL_CTX_use_PrivateKey_file(tls_, identity->key_file.c_str(), SSL_FILETYPE_PEM) == 1,
        "the server has its certificate");
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  RESTORED_CHECK(::bind(listener_, plain, length) == 0 && ::listen(listener_, 64) == 0 &&
                     ::getsockname(listener_, plain, &length) == 0,
                 "a loopback port can be listened on");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const Connection& one : connections_) ::shutdown(one.fd, SHUT_RDWR);
  }
  // No more are added: the acceptor has ended.
  for (Connection& one : connections_) {
    one.thread.join();
    ::close(one.fd);
  }
  SSL_CTX_free(tls_);
}

void ScriptedServer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const timeval bound{20, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const unsigned index = accepted_++;
    const std::lock_guard lock(mutex_);
    connections_.push_back({fd, std::thread([this, fd, index] { serve(fd, index); })});
  }
}

void ScriptedServer::serve(int fd, unsigned index) {
  SSL* ssl = nullptr;
  bool usable = true;
  if (tls_ != nullptr) {
    ssl = SSL_new(tls_);
    SSL_set_fd(ssl, fd);
    usable = SSL_accept(ssl) == 1;
    if (usable && SSL_session_reused(ssl) == 1) ++resumed_;
  }
  if (usable) {
    Peer peer(fd, ssl, index);
    script_(peer);
    if (ssl != nullptr) SSL_shutdown(ssl);
  }
  SSL_free(ssl);
  // The descriptor stays until the server's end, so that its number cannot be another's; what a
  // client sees is a close: with unread bytes, or a linger of zero, a reset.
  const int closed = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const std::lock_guard lock(mutex_);
  ::dup3(closed, fd, O_CLOEXEC);
  ::close(closed);
}

}  // namespace restored::net_test
