// A server on a loopback port that does to each connection what its test's script says, plain or
// TLS. It knows no HTTP but for where a request's head ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "certificates.h"

struct ssl_st;
struct ssl_ctx_st;

namespace restored::net_test {

// One accepted connection, for the script on its thread. Every wait ends after 20 s, and when the
// server ends.
class Peer {
 public:
  Peer(int fd, ssl_st* ssl, unsigned index) : fd_(fd), ssl_(ssl), index_(index) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  unsigned index() const { return index_; }  // 0 for the first connection
  // Through its empty line; empty when the client ended the connection instead.
  std::string read_head();
  std::string read(std::size_t bytes);  // fewer at the end
  bool send(std::string_view bytes);    // false: the client is gone
  void wait_for_end();                  // reads and drops
  void reset();                         // RST, at the script's end
  void cut();                           // no more bytes, not even TLS's own end

 private:
  long receive(char* into, std::size_t bytes);
  const int fd_;
  ssl_st* const ssl_;
  const unsigned index_;
  std::string pending_;
};

// Threading: one test thread; scripts run on threads of their own.
class ScriptedServer {
 public:
  using Script = std::function<void(Peer&)>;

  explicit ScriptedServer(Script script, const Issued* identity = nullptr);
  ~ScriptedServer();  // ends every connection
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return port_; }
  unsigned connections() const { return accepted_; }
  unsigned sessions_resumed() const { return resumed_; }

 private:
  struct Connection {
    int fd;
    std::thread thread;
  };
  void accept_all();
  void serve(int fd, unsigned index);

  const Script script_;
  ssl_ctx_st* tls_ = nullptr;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<unsigned> accepted_{0};
  std::atomic<unsigned> resumed_{0};
  std::mutex mutex_;
  std::list<Connection> connections_;  // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace restored::net_test
