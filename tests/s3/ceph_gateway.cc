#include "ceph_gateway.h"

#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>

namespace restored::test {

std::unique_ptr<CephGateway> CephGateway::start() {
  std::unique_ptr<CephGateway> gateway(new CephGateway);
  const ChildProcess child = spawn({RESTORED_CEPH_GATEWAY_SCRIPT, "run"});
  gateway->pid_ = child.pid;
  gateway->input_ = child.input;
  gateway->output_ = child.output;
  if (!gateway->read_report()) return nullptr;
  return gateway;
}

CephGateway::~CephGateway() {
  if (input_ >= 0) ::close(input_);
  if (pid_ > 0) wait_for_exit(pid_);
  if (output_ >= 0) ::close(output_);
}

bool CephGateway::read_report() {
  const std::map<std::string, std::string*> known = {
      {"directory", &directory_}, {"endpoint", &endpoint_},     {"tls_endpoint", &tls_endpoint_},
      {"tls_ca", &ca_file_},      {"access_key", &access_key_}, {"secret_key", &secret_key_}};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(180);
  while (const auto line = read_line(output_, deadline)) {
    if (*line == "ready") return true;
    const std::size_t at = line->find('=');
    const auto found = known.find(line->substr(0, at));
    if (found != known.end()) *found->second = line->substr(at + 1);
  }
  return false;
}

unsigned CephGateway::port() const {
  return static_cast<unsigned>(std::stoul(endpoint_.substr(endpoint_.rfind(':') + 1)));
}

bool CephGateway::script(const std::string& verb, Limits limits) const {
  const ChildProcess child =
      spawn({RESTORED_CEPH_GATEWAY_SCRIPT, verb, directory_},
            {{"CEPH_GATEWAY_REQUESTS_MAX", std::to_string(limits.requests_max)},
             {"CEPH_GATEWAY_STALL_MILLIS", std::to_string(limits.stall.count())}});
  ::close(child.input);
  ::close(child.output);
  return wait_for_exit(child.pid) == 0;
}

bool CephGateway::kill_gateway() {
  return script("kill-gateway", Limits{});
}

bool CephGateway::start_gateway(Limits limits) {
  return script("start-gateway", limits);
}

CurlAnswer CephGateway::curl(const std::string& method, const std::string& target,
                             const std::vector<std::string>& more) const {
  // Of itself curl 7.88 signs no hash of the body, without which the gateway refuses.
  std::vector<std::string> words = {
      "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--aws-sigv4", "aws:amz:us-east-1:s3",
      "--user",   access_key_ + ":" + secret_key_,          "--request",   method};
  words.insert(words.end(), more.begin(), more.end());
  words.push_back(endpoint_ + target);
  return test::curl(words);
}

bool CephGateway::make_bucket(const std::string& bucket) const {
  const CurlAnswer answer = curl("PUT", "/" + bucket);
  if (answer.status == 200) return true;
  std::fprintf(stderr, "bucket %s: %d %s\n", bucket.c_str(), answer.status, answer.body.c_str());
  return false;
}

std::size_t CephGateway::count(const std::string& target, const std::string& element) const {
  const CurlAnswer answer = curl("GET", target);
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
