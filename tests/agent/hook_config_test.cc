// The section [hooks] and engine.hold_time: what they set, and what is refused.
#include <gtest/gtest.h>

#include <string>

#include "applied_config.h"

namespace restored::agent {
namespace {

TEST(HookConfigTest, EveryKeyReachesTheEngine) {
  const Config config = applied(R"(
[engine]
hold_time = "2h"
[hooks]
before_swap = "/etc/restored/before"
after_swap = "/etc/restored/after"
failed = "/etc/restored/failed"
timeout_seconds = 45
)");
  ASSERT_TRUE(validate(config).has_value());
  EXPECT_EQ(config.engine.hold_seconds, 7200u);
  EXPECT_EQ(config.engine.hooks.before_swap, "/etc/restored/before");
  EXPECT_EQ(config.engine.hooks.after_swap, "/etc/restored/after");
  EXPECT_EQ(config.engine.hooks.failed, "/etc/restored/failed");
  EXPECT_EQ(config.engine.hooks.seconds, 45u);
}

TEST(HookConfigTest, DefaultsAreNoHooksAndAnHour) {
  const Config config = default_config();
  EXPECT_EQ(config.engine.hold_seconds, 3600u);
  EXPECT_TRUE(config.engine.hooks.before_swap.empty());
  EXPECT_EQ(config.engine.hooks.seconds, 30u);
}

TEST(HookConfigTest, WhatIsOutOfBoundsIsRefusedByName) {
  for (const auto& [toml, key] : std::initializer_list<std::pair<const char*, const char*>>{
           {"[engine]\nhold_time = 0", "engine.hold_time"},
           {"[engine]\nhold_time = \"8d\"", "engine.hold_time"},
           {"[hooks]\ntimeout_seconds = 0", "hooks.timeout_seconds"},
           {"[hooks]\ntimeout_seconds = \"2h\"", "hooks.timeout_seconds"},
           {"[hooks]\nbefore_swap = \"hook.sh\"", "hooks.before_swap"},
           {"[hooks]\nafter_swap = \"./x\"", "hooks.after_swap"},
           {"[hooks]\nfailed = \"x\"", "hooks.failed"}}) {
    const Error error = refused(toml);
    EXPECT_EQ(error.code, ErrorCode::invalid_configuration);
    EXPECT_NE(error.message.find(key), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace restored::agent
