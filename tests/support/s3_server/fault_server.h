// An S3 server on loopback that is right until it is told to be wrong.
//
//   const auto server = FaultServer::start({});
//   server->objects().make_bucket("bucket");
//   FaultMix mix;
//   mix[Fault::slow_down] = 0.2;
//   server->set_faults(mix, seed);
//   ... run what is under test against server->endpoint() ...
//   EXPECT_EQ(server->count(Kind::list), 0u);
//
// With an upstream it stands before a real server, and has no objects of its own.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "s3_server/faults.h"
#include "s3_server/objects.h"
#include "s3_server/request.h"
#include "s3_server/sender.h"
#include "s3_server/upstream.h"
#include "s3_server/wire.h"

namespace restored::s3_server {

struct ServerOptions {
  std::uint16_t port = 0;              // 0: any free one
  std::string upstream;                // "127.0.0.1:8000"; empty: objects of its own
  std::chrono::milliseconds delay{0};  // before each answer
  unsigned concurrent_max = 0;         // more at once: 503 SlowDown; 0: no limit
};

class FaultServer {
 public:
  // Null when it cannot listen; why stands on standard error.
  static std::unique_ptr<FaultServer> start(ServerOptions options);
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  Objects& objects() { return objects_; }

  // Counts of requests and faults begin anew.
  void set_faults(const FaultMix& mix, std::uint64_t seed);
  void no_faults() { set_faults(FaultMix(), 0); }
  // See FaultPlan::call, FaultPlan::script.
  void call(const std::string& key, std::string alias) { plan_.call(key, std::move(alias)); }
  void fail_next(Fault fault, Kind kind, std::string key_part, unsigned times = 1);
  // Called before each request is answered, on its connection's thread; empty: nothing is. So that
  // something can happen between two requests of one call.
  void before_answers(std::function<void(const S3Request&)> hook);
  void set_delay(std::chrono::milliseconds delay) { delay_ = delay.count(); }
  void set_concurrent_max(unsigned most) { concurrent_max_ = most; }

  std::uint64_t count(Kind kind) const;
  std::uint64_t made(Fault fault) const { return plan_.made(fault); }
  std::uint64_t throttled() const { return throttled_; }  // by concurrent_max
  unsigned in_flight_max() const { return in_flight_max_; }
  std::uint64_t connections() const { return connections_made_; }
  std::vector<std::string> log() const;  // the latest requests, one a line

 private:
  struct Connection {
    std::unique_ptr<Wire> wire;
    std::jthread thread;
    std::atomic<bool> done = false;
  };
  class Flight;

  explicit FaultServer(ServerOptions options) : options_(std::move(options)) {}
  bool listen();
  void accept_all(std::stop_token stop);
  void serve(Wire& wire, std::stop_token stop);
  bool serve_one(Wire& wire, Pause& pause, Upstream* upstream);
  bool answer_here(Wire& wire, const Sending& sending, Pause& pause, HttpRequest& request);
  bool answer_there(Wire& wire, const Sending& sending, Pause& pause, HttpRequest& request,
                    Upstream& upstream);
  bool pause_before_answer(Pause& pause);
  void note(const S3Request& request, std::string_view range, std::string_view outcome);

  const ServerOptions options_;
  std::mutex hook_mutex_;
  std::function<void(const S3Request&)> hook_;
  Objects objects_;
  FaultPlan plan_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<std::int64_t> delay_ = 0;
  std::atomic<unsigned> concurrent_max_ = 0;
  std::atomic<unsigned> in_flight_ = 0;
  std::atomic<unsigned> in_flight_max_ = 0;
  std::atomic<std::uint64_t> throttled_ = 0;
  std::atomic<std::uint64_t> connections_made_ = 0;
  std::array<std::atomic<std::uint64_t>, kind_count> counts_{};

  mutable std::mutex log_mutex_;
  std::deque<std::string> log_;

  std::mutex connections_mutex_;
  std::list<Connection> connections_;
  std::jthread acceptor_;  // last: ends first
};

}  // namespace restored::s3_server
