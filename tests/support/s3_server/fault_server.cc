#include "s3_server/fault_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

#include "s3_server/answers.h"

namespace restored::s3_server {
namespace {

constexpr std::size_t log_lines_max = 2000;
constexpr int accept_millis = 50;  // between two looks at the stop token

}  // namespace

// A request being answered, for the limit on how many are at once.
class FaultServer::Flight {
 public:
  explicit Flight(FaultServer& server) : server_(server), at_once_(++server.in_flight_) {
    unsigned most = server_.in_flight_max_;
    while (most < at_once_ && !server_.in_flight_max_.compare_exchange_weak(most, at_once_)) {
    }
  }
  ~Flight() { --server_.in_flight_; }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;
  bool refused() const {
    const unsigned most = server_.concurrent_max_;
    return most > 0 && at_once_ > most;
  }

 private:
  FaultServer& server_;
  const unsigned at_once_;
};

std::unique_ptr<FaultServer> FaultServer::start(ServerOptions options) {
  std::unique_ptr<FaultServer> server(new FaultServer(std::move(options)));
  server->delay_ = server->options_.delay.count();
  server->concurrent_max_ = server->options_.concurrent_max;
  if (!server->listen()) {
    std::perror("the fault server cannot listen");
    return nullptr;
  }
  server->acceptor_ =
      std::jthread([raw = server.get()](std::stop_token stop) { raw->accept_all(stop); });
  return server;
}

FaultServer::~FaultServer() {
  acceptor_.request_stop();
  if (acceptor_.joinable()) acceptor_.join();
  for (Connection& connection : connections_) {
    connection.thread.request_stop();
    connection.wire->shut_down();
  }
  connections_.clear();
  if (listener_ >= 0) ::close(listener_);
}

bool FaultServer::listen() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(options_.port);
  socklen_t length = sizeof address;
  // The socket calls want their own address type.
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, generic, length) != 0 || ::listen(listener_, 512) != 0 ||
      ::getsockname(listener_, generic, &length) != 0)
    return false;
  port_ = ntohs(address.sin_port);
  return true;
}

void FaultServer::accept_all(std::stop_token stop) {
  while (!stop.stop_requested()) {
    pollfd ready{listener_, POLLIN, 0};
    if (::poll(&ready, 1, accept_millis) <= 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_made_;
    const std::scoped_lock lock(connections_mutex_);
    std::erase_if(connections_, [](const Connection& one) { return one.done.load(); });
    Connection& added = connections_.emplace_back();
    added.wire = std::make_unique<Wire>(fd);
    added.thread = std::jthread([this, &added](std::stop_token connection_stop) {
      serve(*added.wire, connection_stop);
      added.wire->end();
      added.done = true;
    });
  }
}

void FaultServer::serve(Wire& wire, std::stop_token stop) {
  Pause pause(stop);
  std::unique_ptr<Upstream> upstream;
  if (!options_.upstream.empty()) upstream = std::make_unique<Upstream>(options_.upstream);
  while (!stop.stop_requested() && serve_one(wire, pause, upstream.get())) {
  }
}

bool FaultServer::serve_one(Wire& wire, Pause& pause, Upstream* upstream) {
  auto request = wire.read_request();
  if (!request) return false;
  const S3Request parsed = parse(*request);
  const std::string range(request->header("Range"));
  ++counts_.at(static_cast<std::size_t>(parsed.kind));
  {
    const std::scoped_lock lock(hook_mutex_);
    if (hook_) hook_(parsed);
  }
  const FaultMix mix = plan_.mix();
  Sending sending{*request, parsed, {}, mix};
  const Flight flight(*this);
  if (flight.refused()) {
    ++throttled_;
    note(parsed, range, "too many at once");
    sending.choice.fault = Fault::slow_down;
    return send_answer(wire, pause, sending, {});
  }
  sending.choice = plan_.choose(parsed, range);
  note(parsed, range, name(sending.choice.fault));
  damage_request(*request, sending.choice);
  if (replaces_answer(sending.choice))
    return pause_before_answer(pause) && send_answer(wire, pause, sending, {});
  return upstream == nullptr ? answer_here(wire, sending, pause, *request)
                             : answer_there(wire, sending, pause, *request, *upstream);
}

bool FaultServer::answer_here(Wire& wire, const Sending& sending, Pause& pause,
                              HttpRequest& request) {
  HttpAnswer right = answer(objects_, request, sending.parsed);
  return pause_before_answer(pause) && send_answer(wire, pause, sending, std::move(right));
}

bool FaultServer::answer_there(Wire& wire, const Sending& sending, Pause& pause,
                               HttpRequest& request, Upstream& upstream) {
  const auto head = upstream.ask(request);
  if (!head) {
    wire.reset();
    return false;
  }
  const bool has_body =
      sending.parsed.kind != Kind::head && head->status != 204 && head->status != 304;
  if (!pause_before_answer(pause)) return false;
  bool passed = false;
  if (sending.choice.fault == Fault::none) {
    passed = upstream.pass_body(*head, has_body, wire);
  } else {
    auto right = upstream.whole(*head, has_body);
    passed = right && send_answer(wire, pause, sending, std::move(*right));
    if (right) return passed;
  }
  if (!passed) upstream.drop();
  return passed;
}

bool FaultServer::pause_before_answer(Pause& pause) {
  const std::int64_t millis = delay_;
  return millis == 0 || pause.wait(std::chrono::milliseconds(millis));
}

void FaultServer::set_faults(const FaultMix& mix, std::uint64_t seed) {
  plan_.set(mix, seed);
  for (auto& count : counts_) count = 0;
  throttled_ = 0;
  in_flight_max_ = 0;
  const std::scoped_lock lock(log_mutex_);
  log_.clear();
}

void FaultServer::fail_next(Fault fault, Kind kind, std::string key_part, unsigned times) {
  plan_.script(fault, kind, std::move(key_part), times);
}

void FaultServer::before_answers(std::function<void(const S3Request&)> hook) {
  const std::scoped_lock lock(hook_mutex_);
  hook_ = std::move(hook);
}

std::uint64_t FaultServer::count(Kind kind) const {
  return counts_.at(static_cast<std::size_t>(kind));
}

void FaultServer::note(const S3Request& request, std::string_view range, std::string_view outcome) {
  const std::scoped_lock lock(log_mutex_);
  log_.push_back(fmt::format("{} {} {} {}", name(request.kind), request.key, range, outcome));
  if (log_.size() > log_lines_max) log_.pop_front();
}

std::vector<std::string> FaultServer::log() const {
  const std::scoped_lock lock(log_mutex_);
  return {log_.begin(), log_.end()};
}

}  // namespace restored::s3_server
