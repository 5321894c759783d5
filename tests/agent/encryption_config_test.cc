// The section [encryption]: what it sets, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/config.h"

namespace restored::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Result<void> outcome_of(std::string_view toml, Config& config) {
  RESTORED_TRY(apply_toml(toml, "test.toml", config));
  return validate(config);
}

TEST(EncryptionConfigTest, EveryKeyReachesTheEngine) {
  Config config = default_config();
  const auto outcome = outcome_of(R"(
[encryption]
key_file = "credential:backup-key"
previous_key_files = ["/etc/restored/old.key", "credential:older"]
accept_unencrypted = true
)",
                                  config);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(config.engine.encryption.key_file, "credential:backup-key");
  EXPECT_THAT(config.engine.encryption.previous_key_files,
              ElementsAre("/etc/restored/old.key", "credential:older"));
  EXPECT_TRUE(config.engine.encryption.accept_unencrypted);
}

TEST(EncryptionConfigTest, WithoutItNothingIsEncrypted) {
  EXPECT_TRUE(default_config().engine.encryption.key_file.empty());
  EXPECT_FALSE(default_config().engine.encryption.accept_unencrypted);
}

TEST(EncryptionConfigTest, WhatIsNoKeyFileIsRefusedAndNotQuoted) {
  constexpr std::string_view key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=";
  for (const std::string& toml : {
           "[encryption]\nkey_file = \"" + std::string(key) + "\"",
           "[encryption]\nkey = \"" + std::string(key) + "\"",
           std::string("[encryption]\nkey_file = \"relative/file\""),
           std::string("[encryption]\nkey_file = \"credential:\""),
           std::string("[encryption]\nkey_file = \"credential:../shadow\""),
           std::string("[encryption]\nkey_file = \"credential:a/b\""),
           std::string("[encryption]\nkey_file = 1"),
           std::string("[encryption]\nprevious_key_files = [\"/old.key\"]"),
           std::string("[encryption]\nkey_file = \"/k\"\nprevious_key_files = \"/old.key\""),
           std::string("[encryption]\nkey_file = \"/k\"\nprevious_key_files = [\"old.key\"]"),
           std::string("[encryption]\naccept_unencrypted = true"),
       }) {
    Config config = default_config();
    const auto outcome = outcome_of(toml, config);
    ASSERT_FALSE(outcome) << toml;
    EXPECT_EQ(outcome.error().code, ErrorCode::invalid_configuration) << toml;
    EXPECT_THAT(outcome.error().message, Not(HasSubstr(key.substr(0, 20))));
    EXPECT_THAT(outcome.error().hint, Not(HasSubstr(key.substr(0, 20))));
  }
}

}  // namespace
}  // namespace restored::agent
