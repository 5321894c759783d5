// The sections [s3] and [store]: what they set, and what is refused.
#include <gtest/gtest.h>

#include <string>

#include "applied_config.h"

namespace restored::agent {
namespace {

TEST(StoreConfigTest, EveryKeyReachesTheEngine) {
  const Config config = applied(R"(
repository = "s3://backups/hosts/a"
[s3]
endpoint = "https://s3.example.org:9000"
region = "eu-west-3"
addressing = "virtual-host"
ca_file = "/etc/restored/ca.pem"
credentials_file = "/etc/restored/credentials"
profile = "backup"
access_key_id = "AKIDEXAMPLE"
secret_access_key_file = "/run/credentials/restored.service/s3"
instance_metadata = false
[store]
reads_max = 16
writes_max = 4
stall_timeout = "30s"
retry_time = "10m"
bandwidth = "100MiB"
operation_deadline = "12h"
)");
  ASSERT_TRUE(validate(config).has_value());
  EXPECT_EQ(config.engine.repository_url, "s3://backups/hosts/a");
  const StoreOptions& store = config.engine.store;
  EXPECT_EQ(store.s3.endpoint, "https://s3.example.org:9000");
  EXPECT_EQ(store.s3.region, "eu-west-3");
  EXPECT_EQ(store.s3.addressing, Addressing::virtual_host);
  EXPECT_EQ(store.s3.ca_file, "/etc/restored/ca.pem");
  EXPECT_EQ(store.s3.credentials_file, "/etc/restored/credentials");
  EXPECT_EQ(store.s3.profile, "backup");
  EXPECT_EQ(store.s3.access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ(store.s3.secret_access_key_file, "/run/credentials/restored.service/s3");
  EXPECT_FALSE(store.s3.instance_metadata);
  EXPECT_EQ(store.reads_max, 16u);
  EXPECT_EQ(store.writes_max, 4u);
  EXPECT_EQ(store.stall_seconds, 30u);
  EXPECT_EQ(store.retry_seconds, 600u);
  EXPECT_EQ(store.bandwidth_bytes_per_second, 100 * kMiB);
  EXPECT_EQ(config.engine.operation_seconds_max, 12u * 3600);
  EXPECT_EQ(applied("[s3]\naddressing = \"path\"").engine.store.s3.addressing, Addressing::path);
  EXPECT_EQ(applied("[s3]\naddressing = \"automatic\"").engine.store.s3.addressing,
            Addressing::automatic);
}

TEST(StoreConfigTest, WithoutItsSectionsNothingIsLimitedButTime) {
  const Config config = applied("");
  EXPECT_EQ(config.engine.store.bandwidth_bytes_per_second, 0u);
  EXPECT_EQ(config.engine.operation_seconds_max, 3u * 86400);
  EXPECT_TRUE(config.engine.store.s3.instance_metadata);
}

TEST(StoreConfigTest, RangesAreChecked) {
  const auto both = [](std::string_view key, std::string_view good, std::string_view bad) {
    const auto file = [&](std::string_view value) {
      return "[store]\n" + std::string(key) + " = " + std::string(value);
    };
    EXPECT_TRUE(validate(applied(file(good))).has_value()) << file(good);
    const Error error = refused(file(bad));
    EXPECT_EQ(error.code, ErrorCode::invalid_configuration) << file(bad);
    EXPECT_NE(error.message.find("store." + std::string(key)), std::string::npos) << error.message;
  };
  both("reads_max", "1", "0");
  both("reads_max", "64", "65");
  both("writes_max", "1", "0");
  both("writes_max", "64", "65");
  both("stall_timeout", "1", "0");
  both("stall_timeout", "\"24h\"", "86401");
  both("retry_time", "1", "0");
  both("retry_time", "\"24h\"", "\"25h\"");
  both("bandwidth", "0", "1");
  both("bandwidth", "\"64KiB\"", "65535");
  both("operation_deadline", "0", "59");
  both("operation_deadline", "\"30d\"", "\"31d\"");
}

TEST(StoreConfigTest, AKeyAndItsSecretComeTogether) {
  const Error no_secret = refused("[s3]\naccess_key_id = \"AKIDEXAMPLE\"");
  EXPECT_EQ(no_secret.message, "s3.access_key_id needs s3.secret_access_key_file beside it");
  EXPECT_NE(no_secret.hint_text().find("s3.secret_access_key_file"), std::string::npos);
  const Error secret =
      refused("[s3]\naccess_key_id = \"AK\"\nsecret_access_key_file = \"wJalrXUtnFEMI/K7MDENG\"");
  EXPECT_EQ((secret.message + secret.hint).find("wJalr"), std::string::npos) << secret.message;
  EXPECT_EQ(refused("[s3]\nsecret_access_key_file = \"/run/s3\"").message,
            "s3.secret_access_key_file needs s3.access_key_id beside it");
}

TEST(StoreConfigTest, ASecretInTheFileIsRefusedAndNotRepeated) {
  for (const std::string key : {"secret_access_key", "session_token", "security_token"}) {
    Config config = default_config();
    const auto outcome = apply_toml("[s3]\n" + key + " = \"wJalrXUtnFEMI\"\n", "test.toml", config);
    ASSERT_FALSE(outcome.has_value()) << key;
    EXPECT_EQ(outcome.error().code, ErrorCode::invalid_configuration);
    EXPECT_NE(outcome.error().message.find("test.toml, line 2: \"s3." + key + "\""),
              std::string::npos)
        << outcome.error().message;
    EXPECT_EQ(outcome.error().message.find("wJalrXUtnFEMI"), std::string::npos);
    EXPECT_NE(outcome.error().hint_text().find("s3.secret_access_key_file"), std::string::npos);
    EXPECT_NE(outcome.error().hint_text().find("s3.credentials_file"), std::string::npos);
  }
}

TEST(StoreConfigTest, CredentialsInAUrlAreRefusedAndNotRepeated) {
  const Error error = refused("repository = \"s3://AKID:wJalrXUtnFEMI@bucket/prefix\"");
  EXPECT_EQ(error.code, ErrorCode::invalid_configuration);
  EXPECT_EQ(error.message.find("wJalrXUtnFEMI"), std::string::npos) << error.message;
  EXPECT_NE(error.hint_text().find("s3.credentials_file"), std::string::npos);
  refused("[s3]\nendpoint = \"https://user:pass@host\"");
  EXPECT_TRUE(validate(applied("repository = \"s3://bucket/a@b\"")).has_value());
  EXPECT_TRUE(validate(applied("repository = \"file:///srv/a@b\"")).has_value());
}

TEST(StoreConfigTest, PathsAreAbsoluteAndAnEndpointIsAUrl) {
  EXPECT_NE(refused("[s3]\nca_file = \"ca.pem\"").message.find("s3.ca_file"), std::string::npos);
  EXPECT_NE(refused("[s3]\ncredentials_file = \"~/.aws/credentials\"").message.find("absolute"),
            std::string::npos);
  EXPECT_NE(refused("[s3]\nendpoint = \"s3.example.org\"").message.find("https://"),
            std::string::npos);
}

TEST(StoreConfigTest, AWrongAddressingSaysWhatThereIs) {
  Config config = default_config();
  const auto outcome = apply_toml("[s3]\naddressing = \"dns\"\n", "test.toml", config);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_NE(outcome.error().message.find("\"virtual-host\""), std::string::npos);
}

}  // namespace
}  // namespace restored::agent
