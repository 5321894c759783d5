#include <gmock/gmock.h>

#include <atomic>
#include <utility>

#include "backup/collection.h"
#include "repository_fixture.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

using test::make_backup;
using test::SampleBackup;

constexpr std::chrono::hours orphan_age(limits::orphan_seconds / 3600 + 1);

class RemovalTest : public test::RepositoryFixture {
 protected:
  Result<CollectionReport> collect(Repository& repository, Leftovers leftovers = {}) {
    CollectionRequest request;
    request.leftovers = std::move(leftovers);
    return backup::collect(repository, request, {});
  }
  // As a host does it: the documents, then the objects.
  Result<void> remove(Repository& repository, const std::string& id) {
    RESTORED_TRY(Leftovers leftovers, repository.remove(BackupId(id), {}));
    const auto report = collect(repository, std::move(leftovers));
    EXPECT_TRUE(report) << report.error().message;
    return {};
  }
  void age_all() {
    for (const std::string& key : keys()) age(key, orphan_age);
  }

  const std::string shared_ = test::compressible(300'000);
  const SampleBackup one_ = make_backup("one", {shared_, "only in one"});
  const SampleBackup two_ = make_backup("two", {"only in two", shared_});
};

TEST_F(RemovalTest, ObjectsThatAnotherBackupNamesStay) {
  const auto repository = open();
  publish(*repository, one_);
  publish(*repository, two_);
  ASSERT_TRUE(remove(*repository, "one"));
  expect_keys(keys_of(two_));
  EXPECT_TRUE(repository->load(BackupId("two"), {}));
  EXPECT_EQ(remove(*repository, "one").error().code, ErrorCode::backup_not_found);
  ASSERT_TRUE(remove(*repository, "two"));
  expect_keys({});
}

TEST_F(RemovalTest, ManifestGoesFirstAndBackupsOfOtherDatabasesCount) {
  const auto repository = open();
  SampleBackup foreign = make_backup("three", {shared_});
  foreign.manifest.database = DatabaseId("another");
  publish(*repository, one_);
  publish(*repository, foreign);
  store_.calls.clear();
  ASSERT_TRUE(remove(*repository, "one"));
  const auto first = std::ranges::find_if(
      store_.calls, [](const std::string& call) { return call.starts_with("remove "); });
  ASSERT_NE(first, store_.calls.end());
  EXPECT_EQ(*first, "remove backups/one/manifest");
  expect_keys(keys_of(foreign));
}

// Whatever fails after the manifest is gone: the backup does not exist, the other one is whole,
// and a later removal finishes the work.
TEST_F(RemovalTest, FailureAtEveryCallLosesNothing) {
  const auto repository = open();
  publish(*repository, one_);
  publish(*repository, two_);
  const std::string original = directory_.file("original");
  std::filesystem::rename(root(), original);
  for (std::size_t failing = 1;; ++failing) {
    std::filesystem::copy(original, root(), std::filesystem::copy_options::recursive);
    std::atomic<std::size_t> calls = 0;
    store_.before = [&](std::string_view, std::string_view) -> Result<void> {
      if (++calls != failing) return {};
      return fail(ErrorCode::object_store_unavailable, "no route");
    };
    auto removed = repository->remove(BackupId("one"), {});
    const bool gone = removed.has_value();
    if (removed) static_cast<void>(collect(*repository, std::move(*removed)));
    store_.before = nullptr;
    EXPECT_EQ(repository->manifest(BackupId("one"), {}).has_value(), !gone) << "call " << failing;
    EXPECT_TRUE(repository->load(BackupId("two"), {})) << "call " << failing;
    for (const format::ManifestFile& file : two_.manifest.files)
      EXPECT_TRUE(store_.stat(format::object_key(file.content), {})) << "call " << failing;

    age_all();  // a mark that had to stay is stale then
    if (!gone) {
      EXPECT_TRUE(remove(*repository, "one"));
    }
    ASSERT_TRUE(remove(*repository, "two"));
    expect_keys({});
    std::filesystem::remove_all(root());
    if (calls < failing) break;  // no call failed: all places were tried
  }
}

TEST_F(RemovalTest, ContentsAndManifestStandInForEachOther) {
  for (const char* damaged : {"backups/two/manifest", "backups/two/contents"}) {
    const auto repository = open();
    publish(*repository, one_);
    publish(*repository, two_);
    damage(damaged, 100);
    ASSERT_TRUE(remove(*repository, "one"));
    expect_keys(keys_of(two_));
    damage(damaged, 100);
    EXPECT_TRUE(repository->load(BackupId("two"), {})) << damaged;
    std::filesystem::remove(path("backups/two/contents"));  // an older agent wrote none
    publish(*repository, make_backup("three", {"only in three"}));
    ASSERT_TRUE(remove(*repository, "three"));
    EXPECT_TRUE(repository->load(BackupId("two"), {}));
    ASSERT_TRUE(remove(*repository, "two"));
    expect_keys({});
  }
}

TEST_F(RemovalTest, NoObjectGoesWhileItIsUnknownWhatABackupNeeds) {
  const auto repository = open();
  publish(*repository, one_);
  publish(*repository, two_);
  damage("backups/two/manifest", 300);
  damage("backups/two/contents", 100);
  ASSERT_TRUE(remove(*repository, "one"));
  const auto report = collect(*repository);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->backups_unreadable, 1u);
  std::vector<std::string> expected = keys_of(two_);
  for (const format::ManifestFile& file : one_.manifest.files)
    expected.push_back(format::object_key(file.content));
  expect_keys(expected);
  damage("backups/two/manifest", 300);
  EXPECT_EQ(collect(*repository)->backups_unreadable, 0u);
  EXPECT_TRUE(repository->load(BackupId("two"), {}));
}

TEST_F(RemovalTest, BackupThatCannotBeReadCanBeRemoved) {
  const auto repository = open();
  publish(*repository, one_);
  publish(*repository, two_);
  damage("backups/one/manifest", 300);
  damage("backups/one/contents", 100);
  ASSERT_TRUE(remove(*repository, "one"));
  std::vector<std::string> expected = keys_of(two_);
  expected.push_back(format::object_key(one_.manifest.files[1].content));  // an orphan, still young
  expect_keys(expected);
  age(expected.back(), orphan_age);
  publish(*repository, make_backup("three", {shared_}));
  ASSERT_TRUE(remove(*repository, "three"));
  expect_keys(keys_of(two_));
}

TEST_F(RemovalTest, WhatARunningBackupHasWrittenStays) {
  const auto repository = open();
  publish(*repository, one_);
  put_objects(two_);  // another host is making this one: no manifest yet
  const std::string frames = format::frames_key(BackupId("two"));
  ASSERT_TRUE(store_.put(frames, test::bytes_of(format::encode_frames(two_.frames)), {}));
  ASSERT_TRUE(remove(*repository, "one"));
  EXPECT_TRUE(store_.stat(frames, {}));
  EXPECT_TRUE(store_.stat(format::object_key(two_.manifest.files[0].content), {}));
}

TEST_F(RemovalTest, OldOrphansGoWithTheNextRemoval) {
  const auto repository = open();
  publish(*repository, one_);
  publish(*repository, two_);
  const SampleBackup crashed = make_backup("crashed", {"of a crashed backup"});
  publish(*repository, crashed);
  std::filesystem::remove(path("backups/crashed/manifest"));
  age_all();  // age alone condemns nothing
  ASSERT_TRUE(remove(*repository, "one"));
  expect_keys(keys_of(two_));
  EXPECT_TRUE(repository->load(BackupId("two"), {}));
}

TEST_F(RemovalTest, ForeignObjectsAreNotTouched) {
  const auto repository = open();
  publish(*repository, one_);
  const std::vector<std::string> foreign{"objects/README", "objects/ab/zz", "backups/notes.txt",
                                         "later/format/2", "backups/x/later"};
  for (const std::string& key : foreign) {
    ASSERT_TRUE(store_.put(key, test::bytes_of("mine"), {}));
    age(key, orphan_age);
  }
  ASSERT_TRUE(remove(*repository, "one"));
  expect_keys(foreign);
}

TEST_F(RemovalTest, StoppedBeforeTheManifestLeavesTheBackup) {
  const auto repository = open();
  publish(*repository, one_);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(repository->remove(BackupId("one"), source.get_token()).error().code,
            ErrorCode::cancelled);
  EXPECT_TRUE(repository->load(BackupId("one"), {}));
}

}  // namespace
}  // namespace restored::backup
