#include "daemon_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "support/free_port.h"

namespace restored::system_test {
namespace {

using Steady = std::chrono::steady_clock;

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace

DaemonProcess::DaemonProcess(Options options)
    : state_(std::move(options.state)),
      repository_(std::move(options.repository)),
      default_repository_(options.default_repository),
      arguments_(std::move(options.arguments)),
      environment_(std::move(options.environment)),
      port_(test::free_port()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "restored-test-XXXXXX").string();
  root_ = ::mkdtemp(pattern.data());
  if (state_.empty()) state_ = root_ + "/state";
  if (repository_.empty()) repository_ = root_ + "/repository";
  socket_ = root_ + "/control.sock";
  log_path_ = root_ + "/log";
}

DaemonProcess::~DaemonProcess() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void DaemonProcess::set_environment(const std::string& name, const std::string& value) {
  environment_[name] = value;
}

void DaemonProcess::configure(const std::string& toml) {
  const std::string path = root_ + "/restored.toml";
  std::ofstream(path) << toml;
  if (std::ranges::find(arguments_, path) != arguments_.end()) return;
  arguments_.insert(arguments_.end(), {"--config", path});
}

void DaemonProcess::launch() {
  std::vector<std::string> words = {RESTORED_BINARY,
                                    "--state",
                                    state_,
                                    "--control",
                                    "unix:" + socket_,
                                    "--listen",
                                    "127.0.0.1:" + std::to_string(port_)};
  if (!default_repository_) {
    words.insert(
        words.end(),
        {"--repository", repository_.starts_with('/') ? "file://" + repository_ : repository_});
  }
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> raw;
  for (std::string& word : words) raw.push_back(word.data());
  raw.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ != 0) return;
  for (const auto& [name, value] : environment_) ::setenv(name.c_str(), value.c_str(), 1);
  const int log = ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::execv(raw[0], raw.data());
  ::_exit(127);
}

bool DaemonProcess::wait_ready(std::chrono::seconds deadline) {
  const auto end = Steady::now() + deadline;
  while (Steady::now() < end) {
    if (!running()) break;
    if (std::filesystem::exists(socket_) && http(*this, "GET", "/readyz").status == 200)
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::fprintf(stderr, "the agent is not ready; its log:\n%s\n", log().c_str());
  return false;
}

bool DaemonProcess::start(std::chrono::seconds deadline) {
  launch();
  return wait_ready(deadline);
}

bool DaemonProcess::running() {
  return pid_ > 0 && !wait_exit(std::chrono::seconds(0)).has_value() && pid_ > 0;
}

std::optional<int> DaemonProcess::wait_exit(std::chrono::seconds deadline) {
  if (pid_ <= 0) return std::nullopt;
  const auto end = Steady::now() + deadline;
  for (;;) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return status;
    }
    if (Steady::now() >= end) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void DaemonProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int DaemonProcess::stop() {
  if (pid_ <= 0) return -1;
  ::kill(pid_, SIGTERM);
  const std::optional<int> status = wait_exit(std::chrono::seconds(60));
  return status && WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
}

std::string DaemonProcess::token() const {
  std::string text = read_text(state_ + "/admin.token");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string DaemonProcess::log() const {
  return read_text(log_path_);
}

std::string password_of(const std::string& connection_string) {
  const std::size_t at = connection_string.find('@');
  if (at == std::string::npos) return {};
  const std::size_t colon = connection_string.rfind(':', at);
  return connection_string.substr(colon + 1, at - colon - 1);
}

TestDatabase created_database(const HttpAnswer& answer) {
  const boost::json::value* connections = answer.find("data.connections");
  if (connections == nullptr || !connections->is_array() || connections->get_array().empty()) {
    std::fprintf(stderr, "create database: %d %s\n", answer.status, answer.text.c_str());
    return {};
  }
  HttpAnswer first;
  first.body = connections->get_array().front();
  return {answer.at("data.id"), password_of(first.at("endpoints.direct.connectionString")),
          first.at("id")};
}

TestDatabase create_database(const DaemonProcess& daemon, const std::string& name) {
  return created_database(
      http(daemon, "POST", "/v1/databases", R"({"projectId":"proj_test","name":")" + name + "\"}"));
}

std::string create_backup(const DaemonProcess& daemon, const std::string& database) {
  const HttpAnswer answer =
      http(daemon, "POST", "/v1/databases/" + database + "/backups", R"({"name":"test"})");
  const boost::json::object ended = wait_operation(daemon, operation_of(answer));
  const auto* status = ended.if_contains("status");
  if (answer.status != 201 || status == nullptr || *status != "succeeded") {
    std::fprintf(stderr, "create backup: %d %s\n%s\n", answer.status, answer.text.c_str(),
                 boost::json::serialize(ended).c_str());
    std::fprintf(stderr, "the agent's log:\n%s\n", daemon.log().c_str());
    return "";
  }
  return answer.at("data.id");
}

boost::json::object restore(const DaemonProcess& daemon, const std::string& database,
                            const std::string& backup) {
  const std::string body = R"({"source":{"type":"backup","databaseId":")" + database +
                           R"(","backupId":")" + backup + R"("}})";
  const HttpAnswer answer = http(daemon, "POST", "/v1/databases/" + database + "/restore", body);
  if (answer.status != 200) {
    std::fprintf(stderr, "restore: %d %s\n", answer.status, answer.text.c_str());
    return {};
  }
  return wait_operation(daemon, operation_of(answer));
}

}  // namespace restored::system_test
