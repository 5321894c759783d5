#include "ceph_gateway.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>

namespace restored::test {
namespace {

using Steady = std::chrono::steady_clock;
using Environment = std::map<std::string, std::string>;

struct Child {
  pid_t pid = -1;
  int input = -1;
  int output = -1;
};

// Standard error is ours. The pipes' other ends close when this process is gone.
Child spawn(const std::vector<std::string>& words, const Environment& environment = {}) {
  int input[2];
  int output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) return {};
  std::vector<char*> raw;
  for (const std::string& word : words) raw.push_back(const_cast<char*>(word.c_str()));
  raw.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::dup2(input[0], 0);
    ::dup2(output[1], 1);
    ::execvp(raw[0], raw.data());
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(output[1]);
  return {pid, input[1], output[0]};
}

// A line of `fd`, or what came until the deadline or the end.
std::string read_line(int fd, Steady::time_point deadline, bool& ended) {
  std::string line;
  char byte = 0;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now());
    pollfd ready{fd, POLLIN, 0};
    ended = left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0 ||
            ::read(fd, &byte, 1) != 1;
    if (ended || byte == '\n') return line;
    line += byte;
  }
}

std::string read_all(int fd) {
  std::string text;
  char buffer[65536];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

int wait_for(pid_t pid) {
  int status = -1;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

std::unique_ptr<CephGateway> CephGateway::start() {
  std::unique_ptr<CephGateway> gateway(new CephGateway);
  const Child child = spawn({RESTORED_CEPH_GATEWAY_SCRIPT, "run"});
  gateway->pid_ = child.pid;
  gateway->input_ = child.input;
  gateway->output_ = child.output;
  if (!gateway->read_report()) return nullptr;
  return gateway;
}

CephGateway::~CephGateway() {
  if (input_ >= 0) ::close(input_);
  if (pid_ > 0) wait_for(pid_);
  if (output_ >= 0) ::close(output_);
}

bool CephGateway::read_report() {
  const std::map<std::string, std::string*> known = {
      {"directory", &directory_}, {"endpoint", &endpoint_},     {"tls_endpoint", &tls_endpoint_},
      {"tls_ca", &ca_file_},      {"access_key", &access_key_}, {"secret_key", &secret_key_}};
  const auto deadline = Steady::now() + std::chrono::seconds(180);
  for (bool ended = false; !ended;) {
    const std::string line = read_line(output_, deadline, ended);
    if (line == "ready") return true;
    const std::size_t at = line.find('=');
    const auto found = known.find(line.substr(0, at));
    if (found != known.end()) *found->second = line.substr(at + 1);
  }
  return false;
}

unsigned CephGateway::port() const {
  return static_cast<unsigned>(std::stoul(endpoint_.substr(endpoint_.rfind(':') + 1)));
}

bool CephGateway::script(const std::string& verb, Limits limits) const {
  const Environment environment = {
      {"CEPH_GATEWAY_REQUESTS_MAX", std::to_string(limits.requests_max)},
      {"CEPH_GATEWAY_STALL_MILLIS", std::to_string(limits.stall.count())}};
  const Child child = spawn({RESTORED_CEPH_GATEWAY_SCRIPT, verb, directory_}, environment);
  ::close(child.input);
  ::close(child.output);
  return wait_for(child.pid) == 0;
}

bool CephGateway::kill_gateway() {
  return script("kill-gateway", Limits{});
}

bool CephGateway::start_gateway(Limits limits) {
  return script("start-gateway", limits);
}

CephGateway::Answer CephGateway::curl(const std::string& method, const std::string& target,
                                      const std::vector<std::string>& more) const {
  // Of itself this version signs no hash of the body, without which the gateway refuses.
  std::vector<std::string> words = {"curl",
                                    "--header",
                                    "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                                    "--silent",
                                    "--max-time",
                                    "60",
                                    "--aws-sigv4",
                                    "aws:amz:us-east-1:s3",
                                    "--user",
                                    access_key_ + ":" + secret_key_,
                                    "--request",
                                    method,
                                    "--write-out",
                                    "\n%{http_code}"};
  words.insert(words.end(), more.begin(), more.end());
  words.push_back(endpoint_ + target);
  const Child child = spawn(words);
  ::close(child.input);
  std::string text = read_all(child.output);
  ::close(child.output);
  wait_for(child.pid);
  const std::size_t line = text.rfind('\n');
  if (line == std::string::npos) return {};
  return {std::atoi(text.c_str() + line + 1), text.substr(0, line)};
}

bool CephGateway::make_bucket(const std::string& bucket) const {
  const Answer answer = curl("PUT", "/" + bucket);
  if (answer.status == 200) return true;
  std::fprintf(stderr, "bucket %s: %d %s\n", bucket.c_str(), answer.status, answer.body.c_str());
  return false;
}

std::size_t CephGateway::count(const std::string& target, const std::string& element) const {
  const Answer answer = curl("GET", target);
  EXPECT_EQ(answer.status, 200) << target << ": " << answer.body;
  std::size_t found = 0;
  for (std::size_t at = answer.body.find(element); at != std::string::npos;
       at = answer.body.find(element, at + 1))
    ++found;
  return found;
}

void CephGatewayTest::SetUp() {
  ASSERT_NO_FATAL_FAILURE(gateway());
}

CephGateway& CephGatewayTest::gateway() {
  static const std::unique_ptr<CephGateway> shared = CephGateway::start();
  if (!shared) {
    std::fprintf(stderr, "no Ceph RADOS Gateway: see above\n");
    std::_Exit(1);
  }
  return *shared;
}

}  // namespace restored::test
