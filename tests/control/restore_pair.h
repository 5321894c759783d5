// A database, its backup, and another one to restore it into, on both surfaces.
#pragma once

#include "control_test.h"

namespace restored::control {

class RestorePairTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    source_ = make_database("source", 10);
    target_ = make_database("target", 2);
    backup_ = make_backup(source_);
  }
  HttpAnswer restore(const Headers& headers) {
    return call("POST", restore_path(target_), restore_body(source_, backup_), headers);
  }
  HttpAnswer second_restore(const Headers& headers) {
    return call("POST", "/v2/redis/restore-backup/" + target_.value,
                R"({"backup_id":")" + backup_.value + "\"}", headers);
  }

  DatabaseId source_;
  DatabaseId target_;
  BackupId backup_;
};

}  // namespace restored::control
