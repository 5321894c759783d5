#include <gmock/gmock.h>

#include "format/document.h"
#include "repository_fixture.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

using test::make_backup;
using test::SampleBackup;
using testing::ElementsAre;
using testing::HasSubstr;

class RepositoryTest : public test::RepositoryFixture {};

SampleBackup small(const std::string& id) {
  return make_backup(id, {test::compressible(300'000), test::incompressible(1000, 7)});
}

TEST_F(RepositoryTest, OpenMakesOneIdAndKeepsIt) {
  const std::string id = open()->id();
  EXPECT_TRUE(format::valid_id(id));
  EXPECT_EQ(open()->id(), id);
  expect_keys({});
}

TEST_F(RepositoryTest, OpenRefusesWhatItCannotTrust) {
  open();
  const std::string good = test::read_whole_file(path("repository.json"));
  damage("repository.json", good.size() - 4);
  EXPECT_EQ(Repository::open(store_, {}).error().code, ErrorCode::corruption);
  test::write_file(path("repository.json"),
                   "{\"restored\":\"repository\",\"version\":3,\"x\":1}\n");
  EXPECT_EQ(Repository::open(store_, {}).error().code, ErrorCode::unsupported_format);
}

TEST_F(RepositoryTest, BackupsWithoutRepositoryFileAreNotTakenForAnEmptyRepository) {
  publish(*open(), small("b1"));
  std::filesystem::remove(path("repository.json"));
  const auto repository = Repository::open(store_, {});
  ASSERT_FALSE(repository);
  EXPECT_EQ(repository.error().code, ErrorCode::corruption);
  EXPECT_FALSE(std::filesystem::exists(path("repository.json")));
}

TEST_F(RepositoryTest, PublishedBackupLoadsEqual) {
  const auto repository = open();
  const SampleBackup backup = small("b1");
  publish(*repository, backup);
  const auto loaded = repository->load(BackupId("b1"), {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->manifest, backup.manifest);
  EXPECT_EQ(loaded->frames, backup.frames);
  expect_keys(keys_of(backup));
}

TEST_F(RepositoryTest, LoadMakesNoListCall) {
  const auto repository = open();
  publish(*repository, small("b1"));
  store_.calls.clear();
  const auto reopened = open();
  ASSERT_TRUE(reopened->load(BackupId("b1"), {}));
  EXPECT_THAT(store_.calls, ElementsAre("get repository.json", "settle repository.json",
                                        "get backups/b1/manifest", "get backups/b1/frames"));
}

TEST_F(RepositoryTest, UnknownBackupIsNotFound) {
  const auto repository = open();
  publish(*repository, small("b1"));
  for (const std::string id : {"b2", "", "../b1", "b1/", "b1/../b1", ".", "b1\n", "B1 "}) {
    EXPECT_EQ(repository->manifest(BackupId(id), {}).error().code, ErrorCode::backup_not_found);
    EXPECT_EQ(repository->load(BackupId(id), {}).error().code, ErrorCode::backup_not_found);
    EXPECT_EQ(repository->remove(BackupId(id), {}).error().code, ErrorCode::backup_not_found);
  }
}

TEST_F(RepositoryTest, EveryDamagedByteOfManifestAndIndexIsNotUsable) {
  const auto repository = open();
  publish(*repository, small("b1"));
  for (const char* key : {"backups/b1/manifest", "backups/b1/frames"}) {
    const std::string good = test::read_whole_file(path(key));
    for (std::size_t i = 0; i < good.size(); ++i) {
      damage(key, i);
      const auto loaded = repository->load(BackupId("b1"), {});
      ASSERT_FALSE(loaded) << key << " byte " << i;
      ASSERT_EQ(loaded.error().code, ErrorCode::backup_not_usable) << loaded.error().message;
      damage(key, i);
    }
    test::write_file(path(key), good + "x");
    ASSERT_EQ(repository->load(BackupId("b1"), {}).error().code, ErrorCode::backup_not_usable);
    for (std::size_t bytes = good.size(); bytes-- > 0;) {
      std::filesystem::resize_file(path(key), bytes);
      ASSERT_EQ(repository->load(BackupId("b1"), {}).error().code, ErrorCode::backup_not_usable);
    }
    test::write_file(path(key), good);
  }
  EXPECT_TRUE(repository->load(BackupId("b1"), {}));
}

TEST_F(RepositoryTest, UnusableBackupSaysWhy) {
  const auto repository = open();
  publish(*repository, small("b1"));
  std::filesystem::remove(path("backups/b1/frames"));
  auto loaded = repository->load(BackupId("b1"), {});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::backup_not_usable);
  EXPECT_THAT(loaded.error().message, HasSubstr("backups/b1/frames"));

  test::write_file(path("backups/b1/manifest"), "{\"restored\":\"manifest\",\"version\":7,");
  loaded = repository->load(BackupId("b1"), {});
  EXPECT_EQ(loaded.error().code, ErrorCode::backup_not_usable);
  EXPECT_THAT(loaded.error().message, HasSubstr("format version 7"));
  EXPECT_THAT(std::string(loaded.error().hint_text()), HasSubstr("upgrade restored"));
}

TEST_F(RepositoryTest, ManifestOfAnotherBackupIsNotUsable) {
  const auto repository = open();
  publish(*repository, small("b1"));
  publish(*repository, small("b2"));
  std::filesystem::copy_file(path("backups/b1/manifest"), path("backups/b2/manifest"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(repository->load(BackupId("b2"), {}).error().code, ErrorCode::backup_not_usable);
}

TEST_F(RepositoryTest, StoreErrorsStayWhatTheyAre) {
  const auto repository = open();
  publish(*repository, small("b1"));
  store_.before = [](std::string_view, std::string_view) -> Result<void> {
    return fail(ErrorCode::object_store_unavailable, "no route");
  };
  const auto code = [](const auto& result) { return result.error().code; };
  constexpr auto unavailable = ErrorCode::object_store_unavailable;
  EXPECT_EQ(code(repository->manifest(BackupId("b1"), {})), unavailable);
  EXPECT_EQ(code(repository->load(BackupId("b1"), {})), unavailable);
  EXPECT_EQ(code(repository->list(small("b1").manifest.database, {})), unavailable);
  EXPECT_EQ(code(repository->remove(BackupId("b1"), {})), unavailable);
  EXPECT_EQ(code(Repository::open(store_, {})), unavailable);
  store_.before = nullptr;
  EXPECT_TRUE(repository->load(BackupId("b1"), {}));
}

TEST_F(RepositoryTest, ManifestIsWrittenLast) {
  const auto repository = open();
  store_.calls.clear();
  const SampleBackup backup = small("b1");
  ASSERT_TRUE(repository->announce(contents_of(backup.manifest), {}));
  ASSERT_TRUE(repository->publish(backup.manifest, backup.frames, {}));
  EXPECT_THAT(
      store_.calls,
      ElementsAre("put backups/b1/contents", "stat backups/b1/manifest", "get repository.json",
                  "put backups/b1/frames", "put databases/abcdefghijklmnopqrstuvwx/b1",
                  "stat backups/b1/contents", "put backups/b1/manifest", "get repository.json"));
}

TEST_F(RepositoryTest, PublishThatFailsAnywhereLeavesNoBackupAndNoDocument) {
  const auto repository = open();
  const SampleBackup backup = small("b1");
  for (const char* failing : {"put backups/b1/frames", "put databases/abcdefghijklmnopqrstuvwx/b1",
                              "put backups/b1/manifest"}) {
    store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
      if (std::string(verb) + " " + std::string(key) != failing) return {};
      return fail(ErrorCode::no_space, "the disk is full");
    };
    ASSERT_TRUE(repository->announce(contents_of(backup.manifest), {}));
    const auto published = repository->publish(backup.manifest, backup.frames, {});
    ASSERT_FALSE(published) << failing;
    EXPECT_EQ(published.error().code, ErrorCode::no_space);
    EXPECT_EQ(repository->load(BackupId("b1"), {}).error().code, ErrorCode::backup_not_found);
    expect_keys({});
  }
  store_.before = nullptr;
  EXPECT_EQ(repository->publish(backup.manifest, backup.frames, {}).error().code,
            ErrorCode::timed_out)
      << "nobody knows what it needs";
  ASSERT_TRUE(repository->announce(contents_of(backup.manifest), {}));
  EXPECT_TRUE(repository->publish(backup.manifest, backup.frames, {}));
}

TEST_F(RepositoryTest, StoppedPublishLeavesNoDocument) {
  const auto repository = open();
  const SampleBackup backup = small("b1");
  std::stop_source source;
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb == "put" && key.ends_with("/manifest")) source.request_stop();
    return {};
  };
  ASSERT_TRUE(repository->announce(contents_of(backup.manifest), {}));
  const auto published = repository->publish(backup.manifest, backup.frames, source.get_token());
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::cancelled);
  expect_keys({});
}

TEST_F(RepositoryTest, IdThatIsTakenIsRefused) {
  const auto repository = open();
  publish(*repository, small("b1"));
  const SampleBackup other = make_backup("b1", {"other"});
  const auto published = repository->publish(other.manifest, other.frames, {});
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::object_exists);
  EXPECT_EQ(repository->manifest(BackupId("b1"), {})->files.size(), 2u);
}

TEST_F(RepositoryTest, ListIsNewestFirstAndOfOneDatabase) {
  const auto repository = open();
  UnixMillis time = 1'700'000'000'000;
  for (const char* id : {"b2", "b3", "b1"}) {
    SampleBackup backup = small(id);
    backup.manifest.created_at = ++time;
    publish(*repository, backup);
  }
  SampleBackup foreign = small("b4");
  foreign.manifest.database = DatabaseId("another");
  publish(*repository, foreign);
  const auto list = repository->list(small("x").manifest.database, {});
  ASSERT_TRUE(list) << list.error().message;
  std::vector<std::string> ids;
  for (const format::Summary& summary : *list) ids.push_back(summary.backup.value);
  EXPECT_THAT(ids, ElementsAre("b1", "b3", "b2"));
  EXPECT_EQ(repository->list(DatabaseId("another"), {})->size(), 1u);
  EXPECT_TRUE(repository->list(DatabaseId("nobody"), {})->empty());
  EXPECT_TRUE(repository->list(DatabaseId("../databases"), {})->empty());
}

TEST_F(RepositoryTest, ListSkipsDamagedSummariesAndBackupsThatDoNotExist) {
  const auto repository = open();
  const std::string directory = "databases/" + small("x").manifest.database.value + "/";
  for (const char* id : {"good", "damaged", "unfinished", "renamed"})
    publish(*repository, small(id));
  damage(directory + "damaged", 200);
  std::filesystem::remove(path("backups/unfinished/manifest"));
  std::filesystem::rename(path(directory + "renamed"), path(directory + "other"));
  const auto list = repository->list(small("x").manifest.database, {});
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->front().backup.value, "good");
}

TEST_F(RepositoryTest, TemporaryFilesThatACrashHasLeftAreNotListed) {
  const auto repository = open();
  const SampleBackup backup = small("b1");
  publish(*repository, backup);
  const std::string database = backup.manifest.database.value;
  for (const std::string& directory :
       {std::string(), std::string("backups/"), std::string("backups/b1/"),
        std::string("databases/"), "databases/" + database + "/", std::string("objects/")}) {
    test::write_file(path(directory + ".manifest.0123456789ab.tmp"), "half");
  }
  std::filesystem::create_directories(path("backups/.b2.0123456789ab.tmp"));
  std::filesystem::copy_file(path("backups/b1/manifest"),
                             path("backups/.b2.0123456789ab.tmp/manifest"));
  expect_keys(keys_of(backup));
  const auto list = repository->list(backup.manifest.database, {});
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->front().backup.value, "b1");
  EXPECT_TRUE(repository->load(BackupId("b1"), {}));
  ASSERT_TRUE(repository->remove(BackupId("b1"), {}));
  std::vector<std::string> objects;
  for (const format::ManifestFile& file : backup.manifest.files)
    objects.push_back(format::object_key(file.content));
  expect_keys(objects);
}

}  // namespace
}  // namespace restored::backup
