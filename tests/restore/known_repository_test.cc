// The repository that a state directory was used with before.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "step_gate.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"
#include "test_host.h"
#include "test_keys.h"
#include "watched_store.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class KnownRepositoryTest : public ::testing::Test {
 protected:
  KnownRepositoryTest() {
    host_.open();
    host_.close();
  }
  const TemporaryDirectory directory_;
  TestHost host_{directory_.file("state"), directory_.file("repository")};
};

TEST_F(KnownRepositoryTest, AnEmptyPlaceWhereItWasIsRefusedAndNothingIsBegunThere) {
  fs::rename(directory_.file("repository"), directory_.file("away"));
  const Result<void> refused = host_.try_open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::object_store_unavailable) << refused.error().message;
  EXPECT_NE(refused.error().hint_text().find("Mount"), std::string::npos);
  EXPECT_FALSE(fs::exists(directory_.file("repository/repository.json")));
  // It is mounted again.
  fs::remove_all(directory_.file("repository"));
  fs::rename(directory_.file("away"), directory_.file("repository"));
  host_.open();
  host_.close();
}

TEST_F(KnownRepositoryTest, ANewOneIsBegunThereOnceTheOldOneIsForgotten) {
  fs::remove_all(directory_.file("repository"));
  ASSERT_FALSE(host_.try_open());
  fs::remove(directory_.file("state/repository"));
  host_.open();
  host_.close();
  EXPECT_TRUE(fs::exists(directory_.file("repository/repository.json")));
}

TEST_F(KnownRepositoryTest, AnotherOneInItsPlaceIsRefusedUntilTheOldOneIsForgotten) {
  TestHost other(directory_.file("other-state"), directory_.file("other"));
  other.open();
  other.close();
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  fs::rename(directory_.file("repository"), directory_.file("away"));
  fs::rename(directory_.file("other"), directory_.file("repository"));
  const auto backup = host_.engine().start_backup(id, "", "test");
  ASSERT_TRUE(backup);
  const OperationView failed = host_.wait(backup->id);
  EXPECT_EQ(failed.state, OperationState::failed) << "also while it runs";
  host_.close();
  const Result<void> refused = host_.try_open();
  ASSERT_FALSE(refused);
  for (const Error& error : {*failed.error, refused.error()}) {
    EXPECT_EQ(error.code, ErrorCode::store_misconfigured) << error.message;
    EXPECT_NE(error.hint_text().find("delete " + directory_.file("state/repository")),
              std::string::npos)
        << error.hint_text();
  }
  fs::remove(directory_.file("state/repository"));
  host_.open();
  host_.back_up(id);
  host_.close();
}

// A wrong endpoint leads to somebody else's: a host that may encrypt must not take that over.
TEST_F(KnownRepositoryTest, AnotherOneInItsPlaceIsNotWrittenToBeforeItIsRefused) {
  const auto bytes_of = [](const std::string& root) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(root))
      if (entry.is_regular_file())
        files[fs::relative(entry.path(), root).string()] = read_whole_file(entry.path().string());
    return files;
  };
  TestHost other(directory_.file("other-state"), directory_.file("other"));
  other.options.encryption = {};
  other.open();
  const DatabaseId theirs = other.make_database("theirs");
  other.back_up(theirs);
  other.close();
  fs::rename(directory_.file("repository"), directory_.file("away"));
  fs::rename(directory_.file("other"), directory_.file("repository"));
  const auto before = bytes_of(directory_.file("repository"));
  host_.options.encryption = {new_key_file(directory_.file("key")), {}, true};
  const Result<void> refused = host_.try_open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::store_misconfigured) << refused.error().message;
  EXPECT_EQ(bytes_of(directory_.file("repository")), before);
}

// Nor is the copy lost that the right one could be brought back from.
TEST_F(KnownRepositoryTest, AnotherFileInTheFirstPlaceLeavesTheSecondCopyAsItIs) {
  const std::string key = new_key_file(directory_.file("key"));
  TestHost ours(directory_.file("our-state"), directory_.file("ours"));
  TestHost theirs(directory_.file("their-state"), directory_.file("theirs"));
  for (TestHost* host : {&ours, &theirs}) {
    host->options.encryption = {key, {}, false};
    host->open();
    host->close();
  }
  const std::string first = directory_.file("ours/repository.json");
  const std::string spare = directory_.file("ours/spare/repository.json");
  const std::string known = directory_.file("our-state/repository");
  const std::string whole = read_whole_file(first);
  fs::copy(directory_.file("theirs/keys"), directory_.file("ours/keys"),
           fs::copy_options::recursive);
  write_file(first, read_whole_file(directory_.file("theirs/repository.json")));
  const Result<void> refused = ours.try_open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::store_misconfigured) << refused.error().message;
  EXPECT_EQ(read_whole_file(spare), whole);
  fs::remove(known);
  ours.open();
  ours.close();
  EXPECT_EQ(read_whole_file(spare), whole) << "one that has not known it before";
  fs::remove(known);
  fs::remove(first);
  ours.open();
  ours.close();
  EXPECT_EQ(read_whole_file(first), whole);
}

// Of one that is not encrypted there is no second copy, but its backups need none to be read.
TEST_F(KnownRepositoryTest, WhoOnlyReadsGoesOnWhenItsFileIsLost) {
  TestHost plain(directory_.file("plain-state"), directory_.file("plain"));
  plain.options.encryption = {};
  plain.open();
  const DatabaseId id = plain.make_database("orders");
  plain.put(id, records("key:", 100));
  const BackupId kept = plain.back_up(id);
  const BackupId removed = plain.back_up(id);
  const std::string file = directory_.file("plain/repository.json");
  const std::string whole = read_whole_file(file);
  const auto backup_fails = [&] {
    const auto started = plain.engine().start_backup(id, "", "test");
    EXPECT_TRUE(started);
    const OperationView ended = plain.wait(started->id);
    EXPECT_EQ(ended.state, OperationState::failed);
    return ended.error.value_or(Error{});
  };
  write_file(file, "x");
  EXPECT_EQ(backup_fails().code, ErrorCode::corruption);
  fs::remove(file);
  const Error gone = backup_fails();
  EXPECT_EQ(gone.code, ErrorCode::corruption) << gone.message;
  EXPECT_NE(gone.hint_text().find("Bring repository.json back"), std::string::npos);
  EXPECT_TRUE(plain.engine().engine_facts().repository_error);

  EXPECT_TRUE(plain.engine().backups(id));
  const auto verified = plain.engine().start_verify(kept, VerifyDepth::full, "test");
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(plain.wait(verified->id).state, OperationState::succeeded);
  const DatabaseId copy = plain.make_database("copy");
  EXPECT_EQ(plain.restore(copy, kept).state, OperationState::succeeded);
  EXPECT_EQ(plain.content(copy), records("key:", 100));
  EXPECT_TRUE(plain.engine().remove_backup(removed));
  write_file(file, whole);
  plain.back_up(id);
  EXPECT_FALSE(plain.engine().engine_facts().repository_error);
  plain.close();
}

// A server tells those who may not list that what is gone is forbidden.
TEST_F(KnownRepositoryTest, ARestoreWaitsForPermissionsButNotForABackupThatWasRemoved) {
  StoreWatch watch;
  StepGate gate("restore.run.after-fetch");
  host_.seams.step = gate.hook();
  host_.seams.wrap_store = watch.wrap();
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("key:", 100));
  const auto running = host_.start_restore(id, host_.back_up(id));
  ASSERT_TRUE(running) << running.error().message;
  ASSERT_TRUE(gate.wait_reached());
  {
    const std::jthread closing([&] { host_.close(); });
    // Returns when it was told to stop: let go before, it ends well.
    EXPECT_TRUE(host_.engine().wait_operation(running->id, std::chrono::minutes(1), {}));
    gate.let_go();
  }
  host_.seams.step = nullptr;

  std::atomic<int> opened = 0;
  watch.before = [&](std::string_view call, std::string_view key) -> Result<void> {
    const bool opens = key.ends_with("repository.json");
    if (call != "get" || (!opens && !key.ends_with("/manifest"))) return {};
    if (opens && opened++ == 0) return {};
    return fail(ErrorCode::store_permission_denied, "AccessDenied");
  };
  host_.open();
  EXPECT_TRUE(wait_until([&] {
    const std::string on = host_.engine().operation(running->id)->waiting_on;
    return on.find("AccessDenied") != std::string::npos;
  })) << "nothing can be read";
  host_.close();

  watch.before = [&](std::string_view call, std::string_view key) -> Result<void> {
    if (call != "get" || !key.ends_with("/manifest")) return {};
    return fail(ErrorCode::store_permission_denied, "AccessDenied");
  };
  host_.open();
  const OperationView ended = host_.wait(running->id);
  EXPECT_EQ(ended.state, OperationState::failed);
  EXPECT_EQ(ended.error.value_or(Error{}).code, ErrorCode::store_permission_denied);
  EXPECT_EQ(host_.content(id), records("key:", 100));
  host_.close();
}

TEST_F(KnownRepositoryTest, WhatACrashLeftOfNotingItIsRemoved) {
  const std::string left = directory_.file("state/.repository.0123456789ab.tmp");
  write_file(left, "file:///somewhere");
  host_.open();
  host_.close();
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(directory_.file("state/repository")));
}

TEST_F(KnownRepositoryTest, AnotherUrlIsAnotherRepository) {
  host_.options.repository_url = "file://" + directory_.file("other");
  host_.open();
  host_.close();
  EXPECT_TRUE(fs::exists(directory_.file("other/repository.json")));
}

}  // namespace
}  // namespace restored::test
