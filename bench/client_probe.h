// A client that reads and writes all the time, at a steady pace, and remembers how long it had to
// wait for an answer.
#pragma once

#include <hiredis/hiredis.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "restored/error.h"
#include "restored/keyspace.h"

namespace restored::bench {

inline constexpr std::string_view probe_key_prefix = "probe:";

// One thread at a time.
class Client {
 public:
  virtual ~Client() = default;
  virtual Result<void> get(const std::string& key) = 0;  // a missing key is fine
  virtual Result<void> set(const std::string& key, const std::string& value) = 0;
};

// Within the process, over the engine's facade.
std::unique_ptr<Client> local_client(std::shared_ptr<Keyspace> keyspace);
// Over a socket, with the Redis protocol.
Result<std::unique_ptr<Client>> socket_client(std::uint16_t port, const std::string& password);

struct ClientReport {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;  // errors, and lost connections
  std::string first_failure;
  double longest_read_seconds = 0;
  double longest_write_seconds = 0;
  double longest_seconds() const;
};

// Runs a client on a thread of its own: a read and a write, in turn, one every `pace`. The pace
// keeps it from being the load itself.
class ClientProbe {
 public:
  explicit ClientProbe(std::unique_ptr<Client> client,
                       std::chrono::microseconds pace = std::chrono::microseconds(500));
  // What happened since the last call, or since the beginning.
  ClientReport take();

 private:
  void run(std::stop_token stop, std::chrono::microseconds pace);

  std::unique_ptr<Client> client_;
  std::mutex mutex_;
  ClientReport report_;  // guarded by mutex_
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace restored::bench
