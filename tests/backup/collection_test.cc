// Collections: whose marks they heed, when they stop, what they tell.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "backup/collection.h"
#include "backup/collection_lease.h"
#include "backup/secure_objects.h"
#include "repository_fixture.h"
#include "restored/limits.h"
#include "support/wait_until.h"

namespace restored::backup {
namespace {

using test::make_backup;
using test::SampleBackup;
using testing::HasSubstr;

constexpr std::chrono::hours orphan_age(limits::orphan_seconds / 3600 + 1);

class CollectionTest : public test::RepositoryFixture {
 protected:
  // Two objects that nobody names, one of them for long.
  void make_orphans() {
    publish(*repository_, stays_);
    const SampleBackup orphans = make_backup("orphans", {"old", "young"});
    put_objects(orphans);
    old_ = format::object_key(orphans.manifest.files[0].content);
    young_ = format::object_key(orphans.manifest.files[1].content);
    age(old_, orphan_age);
  }
  void put_mark(const std::string& id) {
    ASSERT_TRUE(
        store_.put(format::mark_key(id), test::bytes_of(format::encode_mark({id, "db7"})), {}));
  }
  // The id of the only mark; empty when there is none.
  std::string mark() {
    std::string id;
    for (const std::string& key : keys())
      if (key.starts_with(format::marks_prefix)) id = key.substr(format::marks_prefix.size());
    return id;
  }
  bool there(const std::string& key) { return store_.stat(key, {}).has_value(); }
  ObjectsToSecure to_secure() {
    std::vector<NamedObject> objects;
    for (std::size_t i = 0; i < made_.objects.size(); ++i)
      objects.push_back({made_.manifest.files[i].content, made_.objects[i].bytes.size()});
    return {made_.manifest.backup,
            made_.manifest.database,
            [objects] { return objects; },
            [](const LostObjects&) -> Result<void> { return fail(ErrorCode::internal, "lost"); },
            [this](std::string_view what) {
              if (!what.empty()) waited_ = true;
            },
            request_.times};
  }

  const std::unique_ptr<Repository> repository_ = open();
  const SampleBackup stays_ = make_backup("stays", {"one", "two"});
  const SampleBackup made_ = make_backup("made", {"one", "three"});
  std::string old_;
  std::string young_;
  CollectionRequest request_;
  std::atomic<bool> waited_{false};
};

TEST_F(CollectionTest, CountsWhatItFindsAndRemovesWhatIsOldEnough) {
  make_orphans();
  const std::uint64_t bytes = store_.stat(old_, {})->size_bytes;
  const auto report = collect(*repository_, request_, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->backups, 1u);
  EXPECT_EQ(report->objects, 4u);
  EXPECT_EQ(report->objects_unreferenced, 2u);
  EXPECT_EQ(report->objects_young, 1u);
  EXPECT_EQ(report->objects_removed, 1u);
  EXPECT_EQ(report->bytes_removed, bytes);
  EXPECT_FALSE(there(old_));
  EXPECT_TRUE(there(young_));
  std::vector<std::string> expected = keys_of(stays_);
  expected.push_back(young_);
  expect_keys(expected);
}

// A proxy that is being set up says so of everything for a moment.
TEST_F(CollectionTest, ABackupThatIsListedAndNotFoundKeepsEveryObject) {
  make_orphans();
  for (const format::ManifestFile& file : stays_.manifest.files)
    age(format::object_key(file.content), orphan_age);
  store_.before = [](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb == "get" && key.starts_with("backups/stays/"))
      return fail(ErrorCode::object_not_found, "404 page not found");
    return {};
  };
  const auto report = collect(*repository_, request_, {});
  store_.before = nullptr;
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->objects_removed, 0u);
  for (const format::ManifestFile& file : stays_.manifest.files)
    EXPECT_TRUE(there(format::object_key(file.content)));
  EXPECT_TRUE(there(old_));
}

TEST_F(CollectionTest, ADryRunTellsTheSameAndChangesNothing) {
  make_orphans();
  publish(*repository_, make_backup("killed", {"of a killed backup"}));
  std::filesystem::remove(path("backups/killed/manifest"));
  for (const char* key : {"backups/killed/contents", "backups/killed/frames"}) age(key, orphan_age);
  const auto all = keys();
  request_.dry_run = true;
  store_.calls.clear();
  const auto told = collect(*repository_, request_, {});
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(keys(), all);
  for (const std::string& call : store_.calls)
    EXPECT_FALSE(call.starts_with("put collections/")) << "no backup is kept waiting";
  request_.dry_run = false;
  const auto done = collect(*repository_, request_, {});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(told->dry_run);
  EXPECT_EQ(told->objects_removed, done->objects_removed);
  EXPECT_EQ(told->objects_young, done->objects_young);
  EXPECT_EQ(told->bytes_removed, done->bytes_removed);
  EXPECT_EQ(told->documents_removed, done->documents_removed);
  EXPECT_EQ(done->documents_removed, 2u);
}

TEST_F(CollectionTest, AnotherMarkIsHeededUntilItIsStale) {
  make_orphans();
  put_mark("other");
  request_.times.look = std::chrono::milliseconds(1);
  const auto refused = collect(*repository_, request_, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::collection_running);
  EXPECT_THAT(refused.error().message, HasSubstr("collection other of host db7"));
  EXPECT_TRUE(there(old_));
  age("collections/other", std::chrono::hours(1));
  EXPECT_TRUE(collect(*repository_, request_, {}));
  EXPECT_FALSE(there(old_));
  EXPECT_FALSE(there("collections/other")) << "what a killed host has left";
}

// The mark is written again while the collection runs; when that fails for too long it removes
// nothing more, though the store still obeys.
TEST_F(CollectionTest, WithoutRenewalNothingMoreIsRemoved) {
  publish(*repository_, stays_);
  std::vector<std::string> contents;
  for (int i = 0; i < 40; ++i) contents.push_back("orphan " + std::to_string(i));
  const SampleBackup orphans = make_backup("orphans", contents);
  put_objects(orphans);
  for (const auto& file : orphans.manifest.files) age(format::object_key(file.content), orphan_age);
  request_.times.renew = std::chrono::milliseconds(10);
  request_.times.remove = std::chrono::milliseconds(80);
  std::atomic<int> marks = 0;
  std::atomic<int> removals = 0;
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb == "put" && key.starts_with("collections/") && ++marks > 1)
      return fail(ErrorCode::object_store_unavailable, "no route");
    if (verb == "remove" && key.starts_with("objects/") && ++removals > 4) {
      EXPECT_TRUE(test::wait_until([&] { return marks > 2; })) << "it is tried more than once";
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // past the 80
    }
    return {};
  };
  const auto report = collect(*repository_, request_, {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::timed_out);
  EXPECT_GT(marks, 2);
  EXPECT_LT(removals, 20);
  store_.before = nullptr;
  EXPECT_TRUE(repository_->load(BackupId("stays"), {}));
}

TEST_F(CollectionTest, AMarkIsRenewedWhileItIsHeld) {
  CollectionTimes times;
  times.renew = std::chrono::milliseconds(5);
  const auto lease = CollectionLease::take(store_, "db7", times, {});
  ASSERT_TRUE(lease) << lease.error().message;
  const std::string key = format::mark_key(mark());
  const auto first = files_store_->stat(key, {});
  ASSERT_TRUE(first);
  EXPECT_TRUE(test::wait_until([&] {
    const auto now = files_store_->stat(key, {});
    return now && now->modified_unix_millis > first->modified_unix_millis;
  }));
  EXPECT_FALSE((*lease)->lapsed());
  EXPECT_TRUE((*lease)->release({}));
  expect_keys({});
}

// A removal without an answer may still come to pass: a backup must not look before it has.
TEST_F(CollectionTest, AfterARemovalInDoubtTheMarkStays) {
  make_orphans();
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb == "remove" && key == old_)
      return fail(ErrorCode::object_store_unavailable, "cut off while waiting for the answer");
    return {};
  };
  const auto report = collect(*repository_, request_, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->failed, 1u);
  store_.before = nullptr;
  EXPECT_FALSE(mark().empty());
}

TEST_F(CollectionTest, AnObjectThatCannotBeRemovedKeepsNoOther) {
  make_orphans();
  age(young_, orphan_age);
  const SampleBackup more = make_backup("more", {"4", "5", "6", "7", "8", "9", "10", "11"});
  put_objects(more);
  for (const auto& file : more.manifest.files) age(format::object_key(file.content), orphan_age);
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb == "remove" && key == old_)
      return fail(ErrorCode::object_store_unavailable, "500, each time");
    return {};
  };
  const auto report = collect(*repository_, request_, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->failed, 1u);
  EXPECT_EQ(report->objects_removed, 9u);
  store_.before = nullptr;
  EXPECT_TRUE(there(old_));
}

TEST_F(CollectionTest, AStoreThatIsAwayEndsIt) {
  publish(*repository_, stays_);
  std::vector<std::string> contents;
  for (int i = 0; i < 120; ++i) contents.push_back("orphan " + std::to_string(i));
  const SampleBackup orphans = make_backup("orphans", contents);
  put_objects(orphans);
  for (const auto& file : orphans.manifest.files) age(format::object_key(file.content), orphan_age);
  std::atomic<int> removals = 0;
  store_.before = [&](std::string_view verb, std::string_view) -> Result<void> {
    if (verb == "remove" && ++removals > 10)
      return fail(ErrorCode::object_store_unavailable, "no route");
    return {};
  };
  const auto report = collect(*repository_, request_, {});
  store_.before = nullptr;
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::object_store_unavailable);
  EXPECT_LT(removals, 100);
}

// Who waits for its end must not wait for a store that is away: the mark goes stale of itself.
TEST_F(CollectionTest, AMarkIsNotTakenAwayForLongerThanItIsWorth) {
  publish(*repository_, stays_);
  std::atomic<int> releases = 0;
  store_.before_remove = [&](std::string_view key, const StoreCall& call) -> Result<void> {
    if (!key.starts_with(format::marks_prefix)) return {};
    ++releases;
    EXPECT_EQ(call.patience, request_.times.renew);
    return fail(ErrorCode::object_store_unavailable, "no route");
  };
  EXPECT_TRUE(collect(*repository_, request_, {}));
  EXPECT_EQ(releases, 1);
  EXPECT_EQ(collect(*repository_, request_, {}).error().code, ErrorCode::collection_running);
  EXPECT_EQ(releases, 2);
}

TEST_F(CollectionTest, StoppedItEndsAtOnceAndTakesItsMarkAway) {
  make_orphans();
  std::stop_source stop;
  store_.before = [&](std::string_view verb, std::string_view) -> Result<void> {
    if (verb == "list") stop.request_stop();
    return {};
  };
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(collect(*repository_, request_, stop.get_token()).error().code, ErrorCode::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
  store_.before = nullptr;
  EXPECT_TRUE(mark().empty());
  EXPECT_TRUE(there(old_));
}

TEST_F(CollectionTest, ABackupWaitsForAMarkUntilItIsGone) {
  put_objects(made_);
  put_mark("other");
  request_.times.look = std::chrono::milliseconds(1);
  std::jthread other([this] {
    ASSERT_TRUE(test::wait_until([this] { return waited_.load(); }));
    EXPECT_TRUE(files_store_->remove("collections/other", {}));
  });
  const auto secured = secure_objects(*repository_, to_secure(), {});
  EXPECT_TRUE(secured) << secured.error().message;
  EXPECT_TRUE(waited_);
}

TEST_F(CollectionTest, ABackupWaitsForAMarkUntilItIsStale) {
  put_objects(made_);
  put_mark("other");
  request_.times.look = std::chrono::milliseconds(1);
  request_.times.stale = std::chrono::milliseconds(100);
  const auto secured = secure_objects(*repository_, to_secure(), {});
  EXPECT_TRUE(secured) << secured.error().message;
  EXPECT_TRUE(there("collections/other"));
}

// Only those that had begun when the contents were written: a busy repository starves nobody.
TEST_F(CollectionTest, ABackupDoesNotWaitForMarksThatComeLater) {
  put_objects(made_);
  put_mark("first");
  request_.times.look = std::chrono::milliseconds(1);
  std::atomic<int> lists = 0;
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb != "list" || key != "collections/" || ++lists != 2) return {};
    RESTORED_TRY(files_store_->remove("collections/first", {}));
    return files_store_->put("collections/second", test::bytes_of("a later one"), {});
  };
  const auto secured = secure_objects(*repository_, to_secure(), {});
  EXPECT_TRUE(secured) << secured.error().message;
  EXPECT_TRUE(there("collections/second"));
}

TEST_F(CollectionTest, AWaitingBackupStopsAtOnce) {
  put_objects(made_);
  put_mark("other");
  std::stop_source stop;
  std::jthread canceller([&] {
    EXPECT_TRUE(test::wait_until([this] { return waited_.load(); }));
    stop.request_stop();
  });
  EXPECT_EQ(secure_objects(*repository_, to_secure(), stop.get_token()).error().code,
            ErrorCode::cancelled);
}

TEST_F(CollectionTest, ObjectsThatKeepDisappearingEndABackup) {
  put_objects(made_);
  std::filesystem::remove(path(format::object_key(made_.manifest.files[1].content)));
  ObjectsToSecure request = to_secure();
  unsigned asked = 0;
  request.write_again = [&](const LostObjects& lost) -> Result<void> {
    EXPECT_EQ(lost.missing.size(), 1u);
    ++asked;
    return {};
  };
  EXPECT_EQ(secure_objects(*repository_, request, {}).error().code, ErrorCode::object_not_found);
  EXPECT_EQ(asked, limits::backup_check_rounds_max);
}

TEST_F(CollectionTest, AnObjectOfAnotherSizeIsNotTakenForWhole) {
  put_objects(made_);
  std::filesystem::resize_file(path(format::object_key(made_.manifest.files[1].content)), 10);
  const auto lost = find_lost(store_, to_secure().objects(), {});
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->missing.empty());
  EXPECT_EQ(lost->other_size.size(), 1u);
}

TEST_F(CollectionTest, DamageIsForgottenWithItsObject) {
  make_orphans();
  const auto content = format::content_id_from_hex(old_.substr(old_.rfind('/') + 1)).value();
  const auto kept = stays_.manifest.files[0].content;
  ASSERT_TRUE(repository_->note_damage({content, BackupId("x"), "hash differs"}, {}));
  ASSERT_TRUE(repository_->note_damage({kept, BackupId("stays"), "hash differs"}, {}));
  EXPECT_EQ(repository_->damaged({})->size(), 2u);
  ASSERT_TRUE(collect(*repository_, request_, {}));
  const auto damaged = repository_->damaged({});
  ASSERT_TRUE(damaged);
  EXPECT_EQ(*damaged, std::set<format::ContentId>{kept});
}

// A bit that flips on its way is not damage.
TEST_F(CollectionTest, DocumentsAreReadAgainBeforeTheyAreCalledCorrupt) {
  publish(*repository_, stays_);
  const std::vector<std::string> documents{"backups/stays/manifest", "backups/stays/frames",
                                           "backups/stays/contents",
                                           std::string(format::repository_key)};
  for (const std::string& flipped : documents) {
    int reads = 0;
    store_.after_get = [&](std::string_view key, std::string& bytes) {
      if (key == flipped && ++reads == 1)
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    };
    EXPECT_TRUE(Repository::open(store_, {})) << flipped;
    EXPECT_TRUE(repository_->load(BackupId("stays"), {})) << flipped;
    EXPECT_TRUE(repository_->contents(BackupId("stays"), {})) << flipped;
    EXPECT_EQ(reads, 2) << flipped;
  }
}

}  // namespace
}  // namespace restored::backup
