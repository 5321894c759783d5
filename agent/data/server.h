// The data plane: a Redis-protocol server for all databases of an engine, on one port. Who a
// connection is, and which database it sees, its password decides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "restored/engine.h"
#include "restored/error.h"
#include "restored/keyspace.h"
#include "restored/limits.h"

namespace restored::data {

struct DataOptions {
  std::string listen = "127.0.0.1:6379";  // HOST:PORT, [IPv6]:PORT; port 0: one that is free
  std::string unix_path;                  // as well, if not empty; a dead socket is replaced
  unsigned threads = 0;                   // that serve connections; 0: one a core, at most 4
  unsigned workers = 0;                   // for big and blocking commands; 0: 4
  std::size_t clients_max = limits::clients_max_default;
  std::uint64_t value_bytes_max = limits::value_bytes_max_default;
  std::size_t input_buffer_bytes_max = limits::input_buffer_bytes_max;    // of one connection
  std::size_t output_buffer_bytes_max = limits::output_buffer_bytes_max;  // of one connection
  unsigned tcp_keepalive_seconds = 300;                                   // 0: none
  Durability durability = Durability::process;
  const Clock* clock = &system_clock();
};

struct DataStats {
  std::size_t clients = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;  // beyond clients_max
  std::uint64_t commands = 0;
};

// Threading: all methods may be called from any thread at once, stop() once.
class DataServer {
 public:
  // Listens and serves when it returns. `engine` outlives the server.
  // Errors: invalid_configuration (an address that is none), address_in_use, io_error,
  // permission_denied.
  static Result<std::unique_ptr<DataServer>> start(Engine& engine, DataOptions options);
  virtual ~DataServer() = default;  // stops

  virtual std::string address() const = 0;  // "HOST:PORT" as bound
  virtual std::uint16_t port() const = 0;
  virtual DataStats stats() const = 0;

  // Closes the listeners, ends every connection after the command that it is running, and returns
  // when no pin, permit or cursor is held any more.
  virtual void stop() = 0;
};

}  // namespace restored::data
