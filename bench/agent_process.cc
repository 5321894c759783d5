#include "agent_process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/unique_fd.h"
#include "io/file_system.h"
#include "socket.h"

namespace restored::bench {
namespace {

constexpr auto start_deadline = std::chrono::seconds(60);
constexpr auto stop_deadline = std::chrono::seconds(60);

std::unexpected<Error> failed(const std::string& what) {
  return fail(ErrorCode::connection_failed, fmt::format("{}: {}", what, std::strerror(errno)));
}

Result<std::string> ask(const std::string& path, const std::string& request) {
  RESTORED_TRY(const UniqueFd socket, connect_to_path(path));
  for (std::size_t sent = 0; sent < request.size();) {
    const ::ssize_t count =
        ::send(socket.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return failed("sending to " + path);
    sent += static_cast<std::size_t>(count);
  }
  std::string answer;
  std::array<char, 16384> buffer;
  while (true) {
    const ::ssize_t count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) return failed("reading from " + path);
    if (count == 0) return answer;
    answer.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string header_of(const std::string& answer, const std::string& name) {
  const std::size_t at = answer.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 4;
  return answer.substr(begin, answer.find("\r\n", begin) - begin);
}

}  // namespace

Result<AgentProcess> AgentProcess::start(const AgentOptions& options) {
  AgentProcess agent;
  // A port that was free a moment ago.
  RESTORED_TRY(listen_on_loopback(agent.port_));
  agent.socket_path_ = options.state_directory + "/bench.sock";
  if (agent.socket_path_.size() > unix_path_bytes_max) {
    return fail(ErrorCode::invalid_argument,
                agent.socket_path_ + " is too long for a socket: choose a shorter --state");
  }
  const std::string config = options.state_directory + "/bench.toml";
  {
    std::ofstream file(config);
    file << fmt::format("log_level = \"warning\"\n[engine]\nmemory_budget = {}\nblock_cache = {}\n",
                        options.memory_budget_bytes, options.block_cache_bytes);
  }
  const std::array<std::string, 11> arguments{options.binary,
                                              "--config",
                                              config,
                                              "--state",
                                              options.state_directory,
                                              "--repository",
                                              options.repository_url,
                                              "--control",
                                              "unix:" + agent.socket_path_,
                                              "--listen",
                                              fmt::format("127.0.0.1:{}", agent.port_)};
  std::array<char*, arguments.size() + 1> raw = {};
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    raw[index] = const_cast<char*>(arguments[index].c_str());
  }
  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const std::string log = options.state_directory + "/bench.log";
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0640);
  const int error =
      ::posix_spawn(&agent.pid_, options.binary.c_str(), &actions, nullptr, raw.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    agent.pid_ = -1;
    return fail(ErrorCode::file_not_found, options.binary + ": " + std::strerror(error));
  }
  const auto deadline = std::chrono::steady_clock::now() + start_deadline;
  while (true) {
    const auto ready =
        ask(agent.socket_path_, "GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    if (ready && ready->starts_with("HTTP/1.1 200")) break;
    int status = 0;
    if (::waitpid(agent.pid_, &status, WNOHANG) == agent.pid_) {
      agent.pid_ = -1;
      const auto said = io::read_file(io::system_files(), log, 1 * kMiB);
      return fail(ErrorCode::connection_failed,
                  "the agent ended at its start: " + said.value_or("without a word"));
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return fail(ErrorCode::timed_out, "the agent is not ready after a minute");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // between two looks
  }
  RESTORED_TRY(agent.token_,
               io::read_file(io::system_files(), options.state_directory + "/admin.token", 4096));
  while (!agent.token_.empty() && agent.token_.back() == '\n') agent.token_.pop_back();
  return agent;
}

AgentProcess::AgentProcess(AgentProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      port_(other.port_),
      socket_path_(std::move(other.socket_path_)),
      token_(std::move(other.token_)) {}

AgentProcess::~AgentProcess() {
  if (const auto stopped = stop(); !stopped) {
    fmt::print(stderr, "restore-bench: {}\n", stopped.error().message);
  }
}

Result<void> AgentProcess::stop() {
  const pid_t pid = std::exchange(pid_, -1);
  if (pid < 0) return {};
  ::kill(pid, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + stop_deadline;
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) != pid) {
    if (std::chrono::steady_clock::now() > deadline) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return fail(ErrorCode::timed_out, "the agent did not stop within a minute and was killed");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // between two looks
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorCode::internal, fmt::format("the agent ended with wait status {}", status));
}

Result<boost::json::value> AgentProcess::call(const std::string& method, const std::string& path,
                                              const std::string& body,
                                              std::string* operation_location) {
  const std::string request = fmt::format(
      "{} {} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\nConnection: close\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      method, path, token_, body.size(), body);
  RESTORED_TRY(const std::string answer, ask(socket_path_, request));
  const std::size_t head_end = answer.find("\r\n\r\n");
  if (head_end == std::string::npos || !answer.starts_with("HTTP/1.1 2")) {
    return fail(ErrorCode::invalid_request,
                fmt::format("{} {}: {}", method, path, answer.substr(0, 2000)));
  }
  if (operation_location != nullptr) {
    *operation_location = header_of(answer.substr(0, head_end + 2), "Operation-Location");
  }
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(answer.substr(head_end + 4), error);
  if (error) return fail(ErrorCode::invalid_request, path + ": " + error.message());
  return value;
}

Result<OperationId> AgentProcess::start_restore(const DatabaseId& target, const BackupId& backup) {
  const boost::json::object body{
      {"source", {{"type", "backup"}, {"databaseId", target.value}, {"backupId", backup.value}}}};
  std::string location;
  RESTORED_TRY(call("POST", fmt::format("/v1/databases/{}/restore", target.value),
                    boost::json::serialize(body), &location));
  return OperationId(location.substr(location.rfind('/') + 1));
}

Result<boost::json::object> AgentProcess::operation(const OperationId& id) {
  RESTORED_TRY(const boost::json::value answer,
               call("GET", "/v1/operations/" + id.value, "", nullptr));
  return answer.at("data").as_object();
}

std::string sibling_agent() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto agent = self.parent_path() / "restored";
  return !error && std::filesystem::exists(agent, error) ? agent.string() : "";
}

}  // namespace restored::bench
