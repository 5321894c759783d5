#include "config/config.h"

#include <gtest/gtest.h>

#include <string>

#include "support/temporary_directory.h"

namespace restored::agent {
namespace {

Error refused(std::string_view toml) {
  Config config = default_config();
  const Result<void> outcome = apply_toml(toml, "test.toml", config);
  EXPECT_FALSE(outcome.has_value()) << toml;
  return outcome ? Error{} : outcome.error();
}

TEST(ConfigTest, DefaultsAreValid) {
  EXPECT_TRUE(validate(default_config()).has_value());
}

TEST(ConfigTest, EveryKindOfValueIsApplied) {
  Config config = default_config();
  const auto outcome = apply_toml(R"(
state = "/srv/state"
repository = "file:///srv/backups"
log_level = "warning"
[control]
listen = ["unix:/tmp/c.sock", "tcp:127.0.0.1:8080"]
allow_remote_plaintext = true
[data]
listen = "0.0.0.0:7000"
threads = 3
value_bytes_max = "1MiB"
durability = "device"
[engine]
memory_budget = 134217728
undo_time = "7d"
io_uring = false
verify = "full"
[backups]
databases = "all"
every = "12h"
at = "04:30"
spread = "30m"
keep_days = 30
keep_count = 5
keep_manual = false
)",
                                  "test.toml", config);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
  EXPECT_EQ(config.engine.state_directory, "/srv/state");
  EXPECT_EQ(config.engine.repository_url, "file:///srv/backups");
  EXPECT_EQ(config.log_level, log::Level::warning);
  EXPECT_EQ(config.control_listen,
            (std::vector<std::string>{"unix:/tmp/c.sock", "tcp:127.0.0.1:8080"}));
  EXPECT_TRUE(config.control_allow_remote_plaintext);
  EXPECT_EQ(config.data_listen, "0.0.0.0:7000");
  EXPECT_EQ(config.data_threads, 3u);
  EXPECT_EQ(config.data_value_bytes_max, kMiB);
  EXPECT_EQ(config.data_durability, Durability::device);
  EXPECT_EQ(config.engine.memory_budget_bytes, 128 * kMiB);
  EXPECT_EQ(config.engine.undo_seconds, 7u * 86400);
  EXPECT_FALSE(config.engine.io_uring);
  EXPECT_TRUE(config.engine.verify_full);
  const BackupPolicy& backups = config.engine.backups;
  EXPECT_TRUE(backups.all_databases);
  EXPECT_EQ(backups.every_seconds, 12u * 3600);
  EXPECT_EQ(backups.at_seconds, 4u * 3600 + 30 * 60);
  EXPECT_EQ(backups.spread_seconds, 30u * 60);
  EXPECT_EQ(backups.keep_days, 30u);
  EXPECT_EQ(backups.keep_count, 5u);
  EXPECT_FALSE(backups.keep_manual);
  EXPECT_TRUE(validate(config).has_value());
}

TEST(ConfigTest, ATimeOfTheDayIsFourDigitsAndAColon) {
  EXPECT_EQ(parse_time_of_day("00:00"), 0u);
  EXPECT_EQ(parse_time_of_day("23:59"), 86'340u);
  for (const char* text : {"", "2:30", "02:3", "24:00", "12:60", "-1:30", "+1:30", "12.30", "ab:cd",
                           "12:30 ", "12:30:00"}) {
    EXPECT_FALSE(parse_time_of_day(text)) << text;
  }
}

TEST(ConfigTest, ASchedulesLimitsAreChecked) {
  const auto invalid = [](auto change) {
    Config config = default_config();
    change(config.engine.backups);
    return !validate(config).has_value();
  };
  EXPECT_TRUE(invalid([](BackupPolicy& policy) { policy.every_seconds = 9; }));
  EXPECT_TRUE(invalid([](BackupPolicy& policy) { policy.every_seconds = 367ull * 86400; }));
  EXPECT_TRUE(invalid([](BackupPolicy& policy) { policy.keep_days = 40'000; }));
  EXPECT_TRUE(invalid([](BackupPolicy& policy) { policy.keep_count = 200'000; }));
  EXPECT_TRUE(invalid([](BackupPolicy& policy) {
    policy.keep_manual = false;
    policy.keep_days = policy.keep_count = 0;
  }));
  EXPECT_FALSE(invalid([](BackupPolicy& policy) { policy.keep_days = policy.keep_count = 0; }));
  for (const char* text : {"[backups]\ndatabases = \"some\"", "[backups]\nat = \"25:00\"",
                           "[backups]\nat = 2", "[backups]\nevery = \"daily\""}) {
    refused(text);
  }
}

TEST(ConfigTest, UnknownKeyIsNamedWithItsLine) {
  const Error top = refused("state = \"/a\"\nstat = \"/b\"\n");
  EXPECT_EQ(top.code, ErrorCode::invalid_configuration);
  EXPECT_NE(top.message.find("test.toml, line 2"), std::string::npos) << top.message;
  EXPECT_NE(top.message.find("\"stat\""), std::string::npos) << top.message;

  const Error nested = refused("[engine]\n\nmemory_bugdet = 1\n");
  EXPECT_NE(nested.message.find("line 3"), std::string::npos) << nested.message;
  EXPECT_NE(nested.message.find("\"engine.memory_bugdet\""), std::string::npos) << nested.message;

  EXPECT_NE(refused("[engnie]\n").message.find("\"engnie\""), std::string::npos);
}

TEST(ConfigTest, WrongTypeSaysWhatIsWanted) {
  EXPECT_NE(refused("state = 5\n").message.find("a string"), std::string::npos);
  EXPECT_NE(refused("[data]\nthreads = -1\n").message.find("whole number"), std::string::npos);
  EXPECT_NE(refused("[data]\nthreads = 5000000000\n").message.find("whole number"),
            std::string::npos);
  EXPECT_NE(refused("[data]\ndurability = \"often\"\n").message.find("\"device\""),
            std::string::npos);
  EXPECT_NE(refused("[engine]\nmemory_budget = \"12 parsecs\"\n").message.find("256MiB"),
            std::string::npos);
  EXPECT_NE(refused("[control]\nlisten = \"unix:/x\"\n").message.find("an array"),
            std::string::npos);
  EXPECT_NE(refused("control = 3\n").message.find("\"control\""), std::string::npos);
}

TEST(ConfigTest, BrokenTomlNamesTheLine) {
  EXPECT_NE(refused("state = \"/a\"\n= 3\n").message.find("line 2"), std::string::npos);
}

TEST(ConfigTest, RelationsAreChecked) {
  Config config = default_config();
  config.engine.state_directory = "relative/path";
  EXPECT_FALSE(validate(config).has_value());
  config = default_config();
  config.engine.memory_budget_bytes = limits::memory_budget_bytes_min - 1;
  EXPECT_FALSE(validate(config).has_value());
  config = default_config();
  config.control_listen.clear();
  EXPECT_FALSE(validate(config).has_value());
}

Error invalid(const Config& config) {
  const Result<void> outcome = validate(config);
  EXPECT_FALSE(outcome.has_value());
  return outcome ? Error{} : outcome.error();
}

TEST(ConfigTest, ThreadsAndUndoTimeHaveAnUpperBound) {
  Config config = default_config();
  config.engine.decode_threads = limits::configured_threads_max;
  config.data_threads = limits::configured_threads_max;
  config.engine.undo_seconds = limits::undo_seconds_max;
  EXPECT_TRUE(validate(config).has_value());
  ++config.engine.decode_threads;
  EXPECT_EQ(invalid(config).message, "engine.decode_threads must be at most 256 (0: one a core)");
  config = default_config();
  config.data_threads = 4'000'000'000;
  EXPECT_EQ(invalid(config).message, "data.threads must be at most 256 (0: one a core)");
  config = default_config();
  config.engine.undo_seconds = limits::undo_seconds_max + 1;
  EXPECT_EQ(invalid(config).message, "engine.undo_time must be at most 3650d");
  EXPECT_EQ(invalid(config).code, ErrorCode::invalid_configuration);
}

TEST(ConfigTest, AFileThatCannotBeReadSaysWhyAndWhatToDo) {
  const test::TemporaryDirectory directory;
  Config config = default_config();
  const Result<void> missing = apply_file(directory.file("none.toml"), config);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::file_not_found);
  EXPECT_EQ(missing.error().message,
            "cannot read " + directory.file("none.toml") + ": No such file or directory");
  EXPECT_NE(missing.error().hint_text().find("--config"), std::string::npos);
  const Result<void> no_file = apply_file(directory.file(""), config);
  ASSERT_FALSE(no_file.has_value());
  EXPECT_EQ(no_file.error().code, ErrorCode::io_error);
  EXPECT_NE(no_file.error().message.find("Is a directory"), std::string::npos);
  test::write_file(directory.file("good.toml"), "log_level = \"error\"\n");
  EXPECT_TRUE(apply_file(directory.file("good.toml"), config).has_value());
  EXPECT_EQ(config.log_level, log::Level::error);
}

TEST(QuantityTest, BytesAndSecondsTakeUnits) {
  EXPECT_EQ(parse_bytes("4096"), 4096u);
  EXPECT_EQ(parse_bytes("256MiB"), 256 * kMiB);
  EXPECT_EQ(parse_bytes("1GiB"), kGiB);
  EXPECT_EQ(parse_bytes("1GB"), std::nullopt);
  EXPECT_EQ(parse_bytes(""), std::nullopt);
  EXPECT_EQ(parse_bytes("99999999999TiB"), std::nullopt);
  EXPECT_EQ(parse_seconds("90s"), 90u);
  EXPECT_EQ(parse_seconds("24h"), 86400u);
  EXPECT_EQ(parse_seconds("7d"), 604800u);
  EXPECT_EQ(parse_seconds("1w"), std::nullopt);
}

}  // namespace
}  // namespace restored::agent
