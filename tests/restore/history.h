// A host with a database whose history is short: a backup of one content, then another content.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/temporary_directory.h"
#include "test_host.h"

namespace restored::test {

// make_history() after host_.open(): database_ holds now_, and backup_ is of then_.
class History : public ::testing::Test {
 protected:
  History() : host_(directory_.file("state"), directory_.file("repository")) {}

  void make_history() {
    then_ = records("key:", 400, 1);
    now_ = records("key:", 300, 2);
    now_.merge(records("new:", 200, 3));
    database_ = host_.make_database("orders");
    host_.put(database_, then_);
    backup_ = host_.back_up(database_, "first");
    std::vector<std::string> gone;
    for (const auto& [key, value] : then_) {
      if (!now_.contains(key)) gone.push_back(key);
    }
    host_.erase(database_, gone);
    host_.put(database_, now_);
    ASSERT_EQ(host_.content(database_), now_);
  }

  DatabaseInfo info(const DatabaseId& id) { return host_.engine().database(id).value(); }
  void restart() {
    host_.close();
    host_.open();
  }

  const TemporaryDirectory directory_;
  TestHost host_;
  DatabaseId database_;
  BackupId backup_;
  Content then_;
  Content now_;
};

}  // namespace restored::test
