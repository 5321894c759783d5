// A registry in a directory of its own, open from the beginning of a test to its end.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "registry/registry.h"
#include "support/temporary_directory.h"

namespace restored::registry {

class OpenRegistryTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void TearDown() override {
    if (!registry_) return;
    EXPECT_TRUE(registry_->close());
  }

  void open() {
    auto opened = Registry::open(path());
    ASSERT_TRUE(opened) << opened.error().message;
    registry_ = std::move(*opened);
  }
  void reopen() {
    ASSERT_TRUE(registry_->close());
    registry_.reset();
    open();
  }
  std::string path() const { return directory_.path() + "/registry"; }

  test::TemporaryDirectory directory_;
  std::unique_ptr<Registry> registry_;
};

}  // namespace restored::registry
