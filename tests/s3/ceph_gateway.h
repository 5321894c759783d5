// A real S3 server for tests: Ceph's RADOS Gateway on loopback, started by ceph_gateway.sh. It ends
// with this process, however that ends: the script ends when its standard input does.
//
//   class SomeTest : public CephGatewayTest { ... };
//   TEST_F(SomeTest, ...) { gateway().make_bucket("one"); ... gateway().endpoint() ... }
//
// What is asked of it here goes through curl, a client with its own signatures.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "child_process.h"

namespace restored::test {

// One thread at a time.
class CephGateway {
 public:
  struct Limits {
    unsigned requests_max = 1024;             // more at once: 503 SlowDown
    std::chrono::milliseconds stall{65'000};  // a client that moves no byte for this long is cut
  };
  // A few seconds. Null when it does not start; why stands on standard error.
  static std::unique_ptr<CephGateway> start();
  ~CephGateway();
  CephGateway(const CephGateway&) = delete;
  CephGateway& operator=(const CephGateway&) = delete;

  const std::string& endpoint() const { return endpoint_; }          // http://127.0.0.1:26800
  const std::string& tls_endpoint() const { return tls_endpoint_; }  // https://localhost:26801
  const std::string& ca_file() const { return ca_file_; }            // what to trust for that
  const std::string& access_key() const { return access_key_; }
  const std::string& secret_key() const { return secret_key_; }
  unsigned port() const;

  // The objects stay. False, with the reason on standard error, when it does not come back.
  bool kill_gateway();  // SIGKILL; gone when it returns
  bool start_gateway(Limits limits);
  bool start_gateway() { return start_gateway(Limits{}); }

  // A signed request; target: "/bucket/key?query=".
  CurlAnswer curl(const std::string& method, const std::string& target,
                  const std::vector<std::string>& more = {}) const;
  bool make_bucket(const std::string& bucket) const;
  // How often `element` (as in "<Upload>") stands in the answer to a GET.
  std::size_t count(const std::string& target, const std::string& element) const;

 private:
  CephGateway() = default;
  bool read_report();
  bool script(const std::string& verb, Limits limits) const;

  pid_t pid_ = -1;   // of the script
  int input_ = -1;   // its standard input: closing it ends everything
  int output_ = -1;  // its report
  std::string directory_, endpoint_, tls_endpoint_, ca_file_, access_key_, secret_key_;
};

// One gateway for all tests of the process, started with the first one.
class CephGatewayTest : public testing::Test {
 protected:
  void SetUp() override;
  static CephGateway& gateway();
};

}  // namespace restored::test
