// One lasting connection to the agent's control socket. An agent that dies is an answer with status
// 0, at once and from then on: to lose it is what this is for.
#pragma once

#include <string>
#include <string_view>

#include "daemon_process.h"

namespace restored::crash_test {

// One thread at a time.
class ControlClient {
 public:
  ControlClient(const std::string& socket, std::string token);
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  // Status 0 also for an agent that stays silent for a minute.
  system_test::HttpAnswer call(std::string_view method, const std::string& path,
                               const std::string& body = "",
                               const std::string& idempotency_key = "",
                               const std::string& prefer = "");
  bool connected() const { return fd_ >= 0; }

 private:
  bool send_all(const std::string& request);
  std::string receive();
  void disconnect();

  std::string token_;
  int fd_ = -1;
};

}  // namespace restored::crash_test
