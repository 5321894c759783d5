// The control server: HTTP/1.1 over unix sockets and TCP, both public surfaces and our own
// additions. One thread runs all sockets; handlers run on small pools, one for each of
// what they may wait for, so that a repository or a disk that hangs stalls no request but its own
// kind. Probes and operations answer from memory; a cancel is in force before it is on record.
//
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "restored/engine.h"
#include "restored/error.h"
#include "restored/limits.h"

namespace restored::control {

// Where clients of the data plane connect: part of every connection's description.
struct DataEndpoint {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
};

// Of the streams of operations' events.
struct EventOptions {
  unsigned poll_millis = limits::event_poll_millis;
  unsigned progress_millis = limits::event_progress_millis;
  unsigned heartbeat_millis = limits::event_heartbeat_millis;
  std::size_t streams_max = limits::event_streams_max;
};

struct ControlOptions {
  // "unix:PATH" or "tcp:HOST:PORT" (port 0: any free one). At least one, or an inherited socket.
  std::vector<std::string> listen;
  std::vector<int> inherited_sockets;  // from systemd, already listening; owned from here on, and
                                       // not listened on again
  unsigned unix_mode = 0660;
  std::optional<std::string> unix_group;  // of the socket file; must exist
  DataEndpoint data;
  unsigned idle_seconds = limits::http_idle_seconds;  // between two requests
  unsigned request_seconds =
      limits::http_request_seconds;                    // to receive one, and to send its answer
  unsigned worker_threads = limits::http_workers;      // of each pool
  unsigned requests_per_second = 0;                    // of each token; 0: no limit
  std::size_t clients_max = limits::http_clients_max;  // open connections
  EventOptions events;
  bool allow_remote_plaintext = false;  // without it, only loopback TCP addresses are accepted
};

class ControlServer {
 public:
  // Listens on every address, or on none. The engine outlives the server.
  // Errors: invalid_configuration (malformed address, path too long, unknown group, a remote
  // address without permission for it, something at the path that is no socket), address_in_use,
  // permission_denied, io_error.
  static Result<std::unique_ptr<ControlServer>> start(Engine& engine, ControlOptions options);
  virtual ~ControlServer() = default;  // stops

  // Accepts nothing more, ends waits and event streams, lets running requests finish for a bounded
  // time, removes its socket files. Returns when no thread is left. A second call does nothing.
  virtual void stop() = 0;

  // What /readyz answers; false until set.
  virtual void set_ready(bool ready) = 0;

  // As in `listen`, with the ports that were chosen.
  virtual std::vector<std::string> addresses() const = 0;
};

}  // namespace restored::control
