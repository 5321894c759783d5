// The installed redis-server as a child process on a loopback port: whose replies ours must equal.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace restored::test {

// Killed and reaped at the end, and by the kernel should the test die first.
class RedisServer {
 public:
  RedisServer();
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace restored::test
