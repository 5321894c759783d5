// Clients of the control socket that ask all the time, at a steady pace, over lasting connections,
// and remember how long each answer took.
#pragma once

#include <boost/json/object.hpp>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "restored/error.h"

namespace restored::bench {

// A lasting HTTP connection over a unix socket. Threading: one thread.
class ControlConnection {
 public:
  // Errors: connection_failed.
  static Result<ControlConnection> open(const std::string& socket_path, std::string token);
  // Errors: connection_failed; invalid_request, for an answer that is not 2xx.
  Result<void> ask(const std::string& method, const std::string& path, const std::string& body);

 private:
  ControlConnection(UniqueFd socket, std::string token)
      : socket_(std::move(socket)), token_(std::move(token)) {}
  Result<void> send(const std::string& request);
  Result<std::string> receive();

  UniqueFd socket_;
  std::string token_;
};

struct ControlRequest {
  std::string method;
  std::string path;
  std::string body;
};

// Of one kind of request, in seconds.
struct Latencies {
  std::vector<double> seconds;
  double at(double quantile) const;  // of 0..1; 0 without any
};
boost::json::object to_json(const Latencies& latencies);

struct ControlReport {
  Latencies reading;   // GET
  Latencies changing;  // the others: on disk before they are answered
  std::string first_failure;
};

// Threading: one thread makes it and takes its reports.
class ControlProbe {
 public:
  // Each client sends the requests in turn, one every few milliseconds.
  ControlProbe(const std::string& socket_path, const std::string& token, unsigned clients,
               std::vector<ControlRequest> requests);
  // What was answered since the last call, or since the beginning.
  ControlReport take();

 private:
  void run(const std::stop_token& stop, const std::string& socket_path, const std::string& token,
           unsigned client);
  void note(const ControlRequest& request, double seconds, const Result<void>& done);

  const std::vector<ControlRequest> requests_;
  std::mutex mutex_;
  ControlReport report_;               // guarded by mutex_
  std::vector<std::jthread> clients_;  // last: they use the rest
};

}  // namespace restored::bench
