// A configuration as a file of it makes it.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "config/config.h"

namespace restored::agent {

inline Config applied(std::string_view toml) {
  Config config = default_config();
  const Result<void> outcome = apply_toml(toml, "test.toml", config);
  EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().message);
  return config;
}

// The refusal of a file that is well-formed.
inline Error refused(std::string_view toml) {
  const Result<void> outcome = validate(applied(toml));
  EXPECT_FALSE(outcome.has_value()) << toml;
  return outcome ? Error{} : outcome.error();
}

}  // namespace restored::agent
