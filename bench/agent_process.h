// The real daemon as a child process, and the few requests that a bench makes of it.
#pragma once

#include <sys/types.h>

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>

#include "restored/engine.h"
#include "restored/error.h"

namespace restored::bench {

struct AgentOptions {
  std::string binary;
  std::string state_directory;
  std::string repository_url;
  std::uint64_t memory_budget_bytes = 0;
  std::uint64_t block_cache_bytes = 0;
};

// Threading: one thread.
class AgentProcess {
 public:
  // Returns when it is ready. Errors: file_not_found (no such binary), timed_out.
  static Result<AgentProcess> start(const AgentOptions& options);
  AgentProcess(AgentProcess&& other) noexcept;
  AgentProcess& operator=(AgentProcess&&) = delete;
  ~AgentProcess();  // stops it, by its pid

  pid_t pid() const { return pid_; }
  std::uint16_t port() const { return port_; }
  const std::string& socket_path() const { return socket_path_; }
  const std::string& token() const { return token_; }

  // The operation's id.
  Result<OperationId> start_restore(const DatabaseId& target, const BackupId& backup);
  Result<boost::json::object> operation(const OperationId& id);
  Result<void> stop();

 private:
  AgentProcess() = default;
  Result<boost::json::value> call(const std::string& method, const std::string& path,
                                  const std::string& body, std::string* operation_location);

  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::string socket_path_;
  std::string token_;
};

// The daemon that was built beside this program; empty: there is none.
std::string sibling_agent();

}  // namespace restored::bench
