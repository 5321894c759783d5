// A control socket that answers as its test says, and remembers what it was asked. It knows just
// enough HTTP for that; the real agent is tests/system's business.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace restored::ctl_test {

struct Request {
  std::string method;
  std::string target;
  std::string authorization;
  std::string body;
  std::string idempotency_key = {};
  std::string prefer = {};
};

struct Reply {
  int status = 200;
  std::string body;
  std::map<std::string, std::string> headers;
  bool drop = false;  // close without an answer
  bool open = false;  // the body has no end: it goes on, in silence, until the client leaves
};

// Threading: one test thread; the handler runs on the agent's own.
class ScriptedAgent {
 public:
  using Handler = std::function<Reply(const Request&)>;

  explicit ScriptedAgent(Handler handler);
  ~ScriptedAgent();
  ScriptedAgent(const ScriptedAgent&) = delete;
  ScriptedAgent& operator=(const ScriptedAgent&) = delete;

  const std::string& directory() const { return directory_; }
  std::string control() const { return "unix:" + directory_ + "/control.sock"; }
  std::string tcp_control() const { return "tcp:127.0.0.1:" + std::to_string(port_); }
  std::string token_file() const { return directory_ + "/token"; }

  std::vector<Request> requests() const;
  // Requests with this method.
  std::vector<Request> requests(const std::string& method) const;

 private:
  void serve();
  void answer(int connection);

  Handler handler_;
  std::string directory_;
  std::uint16_t port_ = 0;
  int unix_listener_ = -1;
  int tcp_listener_ = -1;
  int stop_ = -1;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace restored::ctl_test
