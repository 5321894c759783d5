// restorectl repository check against a real gateway: what is wrong is told as what it is.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "ceph_gateway.h"
#include "program_run.h"
#include "support/temporary_directory.h"

namespace restored::test {
namespace {

using ctl_test::Ended;
using testing::HasSubstr;
using testing::Not;

class RepositoryCheckS3Test : public CephGatewayTest {
 protected:
  void SetUp() override {
    CephGatewayTest::SetUp();
    ASSERT_TRUE(gateway().make_bucket("checked"));
  }
  // With the key in the environment, as a person would.
  Ended check(const std::string& url, const std::string& settings, std::string secret = "") const {
    if (secret.empty()) secret = gateway().secret_key();
    write_file(directory_.file("restored.toml"), settings);
    const Ended ended =
        ctl_test::run({"repository", "check", url, "--size", "20MiB", "--config",
                       directory_.file("restored.toml"), "--token-file", "/nowhere"},
                      {{"AWS_ACCESS_KEY_ID", gateway().access_key()},
                       {"AWS_SECRET_ACCESS_KEY", secret},
                       {"AWS_EC2_METADATA_DISABLED", "true"}});
    EXPECT_THAT(ended.output + ended.errors, Not(HasSubstr(secret)));
    return ended;
  }
  static std::string at(const std::string& endpoint) {
    return "[s3]\nendpoint = \"" + endpoint + "\"\n";
  }

  const TemporaryDirectory directory_;
};

TEST_F(RepositoryCheckS3Test, AGoodBucketPassesAndIsLeftAsItWas) {
  const Ended ended = check("s3://checked/hosts/a", at(gateway().endpoint()));
  EXPECT_EQ(ended.status, 0) << ended.output << ended.errors;
  for (const char* name :
       {"address", "credentials", "connect", "date", "reach", "write", "read", "range", "list",
        "clock", "latency", "multipart", "read-speed", "write-speed", "leftovers", "delete"}) {
    EXPECT_THAT(ended.output, HasSubstr("ok       " + std::string(name) + " "));
  }
  EXPECT_THAT(ended.output, HasSubstr("warning  tls "));
  EXPECT_THAT(ended.output, HasSubstr("key " + gateway().access_key() + " from "));
  EXPECT_EQ(gateway().count("/checked?list-type=2", "<Contents>"), 0u);
  EXPECT_EQ(gateway().count("/checked?uploads=", "<Upload>"), 0u);
}

TEST_F(RepositoryCheckS3Test, ACertificateIsTrustedOnlyWithItsAuthority) {
  const Ended refused = check("s3://checked", at(gateway().tls_endpoint()));
  EXPECT_EQ(refused.status, 78) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("FAILED   tls "));
  EXPECT_THAT(refused.output, HasSubstr("s3.ca_file"));
  const Ended trusted = check(
      "s3://checked", at(gateway().tls_endpoint()) + "ca_file = \"" + gateway().ca_file() + "\"\n");
  EXPECT_EQ(trusted.status, 0) << trusted.output << trusted.errors;
  EXPECT_THAT(trusted.output, HasSubstr("ok       tls "));
}

TEST_F(RepositoryCheckS3Test, AWrongSecretIsARefusalAndIsNotRepeated) {
  const Ended ended = check("s3://checked", at(gateway().endpoint()), "wJalrXUtnFEMIwrong");
  EXPECT_EQ(ended.status, 77) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("FAILED   reach "));
  EXPECT_THAT(ended.output, HasSubstr("SignatureDoesNotMatch"));
}

TEST_F(RepositoryCheckS3Test, ABucketThatIsNotThereIsAWrongConfiguration) {
  const Ended ended = check("s3://no-such-bucket", at(gateway().endpoint()));
  EXPECT_EQ(ended.status, 78) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("FAILED   reach "));
  EXPECT_THAT(ended.output, HasSubstr("NoSuchBucket"));
}

TEST_F(RepositoryCheckS3Test, WhereNobodyListensTheConnectionIsWhatFails) {
  const Ended ended = check("s3://checked", at("http://127.0.0.1:1"));
  EXPECT_EQ(ended.status, 69) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("FAILED   connect "));
  EXPECT_THAT(ended.output, Not(HasSubstr("reach")));
}

TEST_F(RepositoryCheckS3Test, ANameThatDoesNotResolveIsWhatFails) {
  const Ended ended = check("s3://checked", at("https://store.invalid"));
  EXPECT_TRUE(ended.status == 78 || ended.status == 69) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("FAILED   name "));
}

TEST_F(RepositoryCheckS3Test, WithoutAKeyTheCredentialsAreWhatFails) {
  write_file(directory_.file("restored.toml"), at(gateway().endpoint()));
  const Ended ended = ctl_test::run(
      {"repository", "check", "s3://checked", "--config", directory_.file("restored.toml")},
      {{"HOME", directory_.path()}, {"AWS_EC2_METADATA_DISABLED", "true"}});
  EXPECT_NE(ended.status, 0);
  EXPECT_THAT(ended.output, HasSubstr("FAILED   credentials "));
}

}  // namespace
}  // namespace restored::test
