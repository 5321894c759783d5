// Hosts that share a repository with keys: they begin it, convert it, or have no key.
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backup/rekey.h"
#include "base/hex.h"
#include "encrypted_repository.h"

namespace restored::backup {
namespace {

TEST_F(EncryptedRepositoryTest, OfTwoHostsThatBeginItAtOnceOneIsFirst) {
  const KeyRing other_ring = ring_of({&first_});
  std::unique_ptr<Repository> other;
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb != "upload" || key != format::repository_key) return {};
    other = Repository::open(*files_store_, {}, IfEmpty::begin, other_ring).value();
    return {};
  };
  const auto ours = open_with(ring_).value();
  ASSERT_TRUE(other);
  EXPECT_EQ(ours->id(), other->id());
  EXPECT_EQ(ours->data_key()->id(), other->data_key()->id());
  const SampleBackup backup = sealed_backup(*ours, "b1");
  publish(*ours, backup);
  EXPECT_TRUE(other->load(BackupId("b1"), {}));
}

// A server that knows no conditions lets the later one replace the first one's file. All that is
// sealed is bound to the id that stands in it.
TEST_F(EncryptedRepositoryTest, TwoHostsThatBeginItAtOnceWithoutConditionsAgree) {
  bool reached = true;
  for (std::size_t nth = 0; reached; ++nth) {
    ASSERT_LT(nth, 80u);
    for (const std::string& key : keys()) std::filesystem::remove(path(key));
    test::CountingStore others(*files_store_);
    store_.conditions = others.conditions = false;
    const KeyRing our_ring = ring_of({&first_});
    const KeyRing other_ring = ring_of({&first_});
    Result<std::unique_ptr<Repository>> other = fail(ErrorCode::internal, "it has not begun");
    std::size_t left = nth;
    reached = false;
    store_.before = [&](std::string_view, std::string_view) -> Result<void> {
      if (reached || left-- > 0) return {};
      reached = true;
      // Of two marks of the same tick the one with the smaller id is first, and would wait for
      // ours, which waits here.
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      other = Repository::open(others, {}, IfEmpty::begin, other_ring);
      return {};
    };
    auto ours = open_with(our_ring);
    store_.before = nullptr;
    ASSERT_TRUE(ours || other) << nth << ": " << ours.error().message;
    for (auto* one : {&ours, &other}) {
      if (*one || !reached) continue;
      EXPECT_EQ(one->error().code, ErrorCode::collection_running) << nth;
    }
    const KeyRing fresh = ring_of({&first_});
    const auto later = open_with(fresh);
    ASSERT_TRUE(later) << nth << ": " << later.error().message;
    for (auto* one : {&ours, &other}) {
      if (!*one) continue;
      EXPECT_EQ((**one)->id(), (*later)->id()) << nth;
      EXPECT_EQ((**one)->data_key()->id(), (*later)->data_key()->id()) << nth;
    }
    const std::vector<std::string> left_there = keys();
    for (const char* prefix : {"collections/", "probes/"})
      EXPECT_TRUE(std::ranges::none_of(left_there, [&](const std::string& key) {
        return key.starts_with(prefix);
      })) << nth;
  }
}

// Each of them has made a data key. Only what they write from then on says which one is in use.
TEST_F(EncryptedRepositoryTest, AFleetThatConvertsAtOnceReadsAllOfItAndAgrees) {
  const auto plain = Repository::open(store_, {}).value();
  const KeyRing our_ring = ring_of({&first_}, true);
  const KeyRing other_ring = ring_of({&first_}, true);
  std::unique_ptr<Repository> other;
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb != "put" || key != format::repository_key || other) return {};
    other = Repository::open(*files_store_, {}, IfEmpty::refuse, other_ring).value();
    return {};
  };
  const auto ours = open_with(our_ring).value();
  store_.before = nullptr;
  ASSERT_TRUE(other);
  ASSERT_NE(ours->data_key()->id(), other->data_key()->id());
  EXPECT_EQ(ours->id(), plain->id());
  EXPECT_EQ(other->id(), plain->id());
  EXPECT_TRUE(ours->confirm({}).value());
  EXPECT_FALSE(other->confirm({}).value()) << "it is to be opened again, before the next backup";
  EXPECT_EQ(open_with(other_ring).value()->data_key()->id(), ours->data_key()->id());
  publish(*ours, sealed_backup(*ours, "b1"));
  publish(*other, sealed_backup(*other, "b2"));
  const KeyRing fresh = ring_of({&first_});
  const auto later = open_with(fresh).value();
  EXPECT_EQ(later->data_key()->id(), ours->data_key()->id());
  for (const char* id : {"b1", "b2"}) EXPECT_TRUE(later->load(BackupId(id), {})) << id;
}

TEST_F(EncryptedRepositoryTest, ABackupInClearIsNotPublishedOnceItIsEncrypted) {
  const auto plain = Repository::open(store_, {}).value();
  const SampleBackup backup = test::make_backup("b1", {test::compressible(1000)});
  put_objects(backup);
  ASSERT_TRUE(plain->announce(contents_of(backup.manifest), {}));
  const KeyRing accepts = ring_of({&first_}, true);
  ASSERT_TRUE(open_with(accepts));
  const auto published = plain->publish(backup.manifest, backup.frames, {});
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::encryption_key_missing) << published.error().message;
  for (const std::string& key : keys_of(backup))
    EXPECT_TRUE(key.starts_with("objects/") || !std::filesystem::exists(path(key))) << key;
}

// The look before it is not the last thing that happens.
TEST_F(EncryptedRepositoryTest, ABackupInClearIsTakenBackWhenItIsEncryptedBesideTheManifest) {
  const auto plain = Repository::open(store_, {}).value();
  const SampleBackup backup = test::make_backup("b1", {test::compressible(1000)});
  put_objects(backup);
  ASSERT_TRUE(plain->announce(contents_of(backup.manifest), {}));
  const KeyRing accepts = ring_of({&first_}, true);
  bool encrypted = false;
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (encrypted || verb != "put" || key != "backups/b1/manifest") return {};
    encrypted = true;
    EXPECT_TRUE(open_with(accepts));
    return {};
  };
  const auto published = plain->publish(backup.manifest, backup.frames, {});
  store_.before = nullptr;
  EXPECT_TRUE(encrypted);
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::encryption_key_missing) << published.error().message;
  for (const std::string& key : keys_of(backup))
    EXPECT_TRUE(key.starts_with("objects/") || !std::filesystem::exists(path(key))) << key;
}

TEST_F(EncryptedRepositoryTest, ABackupStaysWhenTheStoreIsAwayAfterItsManifest) {
  const auto ours = open_with(ring_).value();
  const SampleBackup backup = sealed_backup(*ours, "b1");
  put_objects(backup);
  ASSERT_TRUE(ours->announce(contents_of(backup.manifest), {}));
  bool written = false;
  store_.before = [&](std::string_view, std::string_view key) -> Result<void> {
    if (written) return fail(ErrorCode::object_store_unavailable, "no answer");
    written = key == "backups/b1/manifest" && store_.calls.back().starts_with("put ");
    return {};
  };
  EXPECT_TRUE(ours->publish(backup.manifest, backup.frames, {}));
  store_.before = nullptr;
  EXPECT_TRUE(written);
  EXPECT_TRUE(ours->load(BackupId("b1"), {}));
}

// Without conditions it is begun under a mark, which stays only for a write that is in doubt.
TEST_F(EncryptedRepositoryTest, ABeginningThatFailsBeforeItWroteLeavesNoMark) {
  store_.conditions = false;
  const auto marks = [&] {
    const std::vector<std::string> there = keys();
    return std::ranges::count_if(
        there, [](const std::string& key) { return key.starts_with("collections/"); });
  };
  const auto fails_at = [&](std::string_view of, std::string_view where) {
    store_.before = [=](std::string_view verb, std::string_view key) -> Result<void> {
      if (verb == of && key == where) return fail(ErrorCode::object_store_unavailable, "no answer");
      return {};
    };
    EXPECT_EQ(open_with(ring_).error().code, ErrorCode::object_store_unavailable);
    store_.before = nullptr;
  };
  fails_at("list", "backups/");
  EXPECT_EQ(marks(), 0);
  fails_at("upload", format::repository_key);
  EXPECT_EQ(marks(), 1);
}

TEST_F(EncryptedRepositoryTest, ABackupIsNotPublishedUnderAnIdThatIsNotThere) {
  const auto ours = open_with(ring_).value();
  const SampleBackup backup = sealed_backup(*ours, "b1");
  put_objects(backup);
  ASSERT_TRUE(ours->announce(contents_of(backup.manifest), {}));
  std::filesystem::remove(path("repository.json"));
  std::filesystem::remove_all(path("spare"));
  std::filesystem::remove_all(path("backups"));
  ASSERT_TRUE(open_with(ring_)) << "another one";
  EXPECT_EQ(ours->publish(backup.manifest, backup.frames, {}).error().code,
            ErrorCode::store_misconfigured);
  EXPECT_FALSE(std::filesystem::exists(path("backups/b1/manifest")));
}

// Who can write to the bucket puts the file of before the keys back at once.
TEST_F(EncryptedRepositoryTest, OneThatWasMadeEncryptedIsNotUsedWithoutItsKey) {
  const format::RepositoryFile file{format::format_version, "repo1", 1};
  const std::string plain = format::encode_repository(file);
  test::write_file(path("repository.json"), plain);
  int reads = 0;
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb == "get" && key == format::repository_key && ++reads > 1)
      test::write_file(path("repository.json"), plain);
    return {};
  };
  const KeyRing accepts = ring_of({&first_}, true);
  const auto opened = open_with(accepts);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unencrypted_refused);
  EXPECT_GT(reads, 1);
  store_.before = nullptr;
  EXPECT_TRUE(open_with(accepts)) << "the next try makes it so";
}

TEST_F(EncryptedRepositoryTest, AHostWithoutAKeyDoesNotPutItsOwnFileOverASealedOne) {
  std::unique_ptr<Repository> sealed;
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if ((verb == "upload" || verb == "put") && key == format::repository_key)
      sealed = Repository::open(*files_store_, {}, IfEmpty::begin, ring_).value();
    return {};
  };
  const auto plain = open_with(KeyRing::without_keys());
  ASSERT_TRUE(sealed);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code, ErrorCode::encryption_key_missing);
  EXPECT_EQ(open_with(ring_).value()->id(), sealed->id());
}

// What it says of itself is of the format that it knows, so it is damage and nothing newer.
TEST_F(EncryptedRepositoryTest, AHostWithoutAKeyReadsASealedDocumentThatWasCutOnItsWayAgain) {
  ASSERT_TRUE(open_with(ring_));
  const std::size_t whole = test::read_whole_file(path("repository.json")).size();
  for (const std::size_t bytes : {std::size_t{40}, whole - 1}) {
    int reads = 0;
    store_.after_get = [&](std::string_view key, std::string& got) {
      if (key == format::repository_key && ++reads == 1) got.resize(bytes);
    };
    EXPECT_EQ(open_with(KeyRing::without_keys()).error().code, ErrorCode::encryption_key_missing)
        << "cut to " << bytes;
    EXPECT_EQ(reads, 2);
    store_.after_get = [&](std::string_view key, std::string& got) {
      if (key.ends_with(format::repository_key)) got.resize(bytes);
    };
    EXPECT_EQ(open_with(KeyRing::without_keys()).error().code, ErrorCode::corruption)
        << "stays cut to " << bytes;
  }
  int reads = 0;
  store_.after_get = [&](std::string_view key, std::string& got) {
    if (key == format::repository_key && ++reads == 1)
      got.replace(got.find(":2,"), 3, ":6,");  // a bit of the version
  };
  EXPECT_EQ(open_with(KeyRing::without_keys()).error().code, ErrorCode::encryption_key_missing);
}

}  // namespace
}  // namespace restored::backup
