// A repository with keys: each of its documents counts to the last byte, and opens in its own place
// alone.
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

TEST_F(EncryptedRepositoryTest, LoadsWhatItPublishedAndListsIt) {
  const auto repository = open_with(ring_).value();
  const SampleBackup backup = sealed_backup(*repository, "b1");
  publish(*repository, backup);
  const KeyRing another_host = ring_of({&second_, &first_});
  const auto again = open_with(another_host).value();
  EXPECT_EQ(again->id(), repository->id());
  const auto loaded = again->load(BackupId("b1"), {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->manifest, backup.manifest);
  EXPECT_EQ(loaded->frames, backup.frames);
  EXPECT_EQ(loaded->key, again->data_key());
  EXPECT_EQ(again->list(backup.manifest.database, {})->front(), format::summarize(backup.manifest));
  EXPECT_EQ(*again->contents(BackupId("b1"), {}), contents_of(backup.manifest));
  for (const std::string& key : keys()) {
    if (key.starts_with("objects/")) continue;  // the fixture's own
    EXPECT_EQ(test::read_whole_file(path(key)).find("orders"), std::string::npos) << key;
  }
}

TEST_F(EncryptedRepositoryTest, OpeningAndLoadingMakeNoListCall) {
  const auto repository = open_with(ring_).value();
  publish(*repository, sealed_backup(*repository, "b1"));
  store_.calls.clear();
  const KeyRing fresh = ring_of({&first_});
  EXPECT_TRUE(open_with(fresh).value()->load(BackupId("b1"), {}));
  EXPECT_EQ(store_.count("list"), 0u);
}

TEST_F(EncryptedRepositoryTest, EveryByteOfEveryDocumentCounts) {
  const auto repository = open_with(ring_).value();
  const SampleBackup backup = sealed_backup(*repository, "b1");
  publish(*repository, backup);
  const BackupId id("b1");
  const auto refused = [&](const std::string& key) -> std::optional<ErrorCode> {
    const KeyRing fresh = ring_of({&first_});
    const auto opened = open_with(fresh);
    if (!opened) return opened.error().code;
    if (key == format::summary_key(backup.manifest.database, id))
      return (*opened)->list(backup.manifest.database, {})->empty()
                 ? std::optional(ErrorCode::corruption)
                 : std::nullopt;
    if (key == format::contents_key(id)) {
      // Its manifest is read instead, which says the same.
      EXPECT_EQ((*opened)->contents(id, {})->objects, contents_of(backup.manifest).objects);
      return ErrorCode::corruption;
    }
    const auto loaded = (*opened)->load(id, {});
    return loaded ? std::nullopt : std::optional(loaded.error().code);
  };
  std::vector<std::string> documents{format::manifest_key(id), format::frames_key(id),
                                     format::contents_key(id),
                                     format::summary_key(backup.manifest.database, id)};
  for (const std::string& key : documents) {
    const std::string whole = test::read_whole_file(path(key));
    for (std::size_t at = 0; at < whole.size(); ++at) {
      damage(key, at);
      const auto code = refused(key);
      damage(key, at);
      ASSERT_TRUE(code) << key << " at " << at;
      EXPECT_THAT(*code,
                  testing::AnyOf(ErrorCode::corruption, ErrorCode::backup_not_usable,
                                 ErrorCode::unsupported_format, ErrorCode::encryption_key_unknown,
                                 ErrorCode::unencrypted_refused))
          << key << " at " << at;
    }
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
      test::write_file(path(key), whole.substr(0, size));
      EXPECT_TRUE(refused(key)) << key << " cut to " << size;
    }
    test::write_file(path(key), whole);
    ASSERT_TRUE(repository->load(id, {})) << key << " is as it was";
  }
}

// All the rest hangs on these two: each of them stands there twice.
TEST_F(EncryptedRepositoryTest, EveryByteOfTheRepositoryFileAndOfAWrappedKeyIsMended) {
  const auto repository = open_with(ring_).value();
  publish(*repository, sealed_backup(*repository, "b1"));
  const auto opened = [&]() -> Result<void> {
    const KeyRing fresh = ring_of({&first_});
    RESTORED_TRY(const auto again, open_with(fresh));
    EXPECT_EQ(again->id(), repository->id());
    RESTORED_TRY(again->load(BackupId("b1"), {}));
    return {};
  };
  // The lowest bit makes another hexadecimal digit of one, and a newer version of ours.
  const auto flipped = [](std::string bytes, std::size_t at, int mask) {
    bytes[at] = static_cast<char>(bytes[at] ^ mask);
    return bytes;
  };
  for (const std::string& key :
       {std::string(format::repository_key), wrapped_key(*repository, ring_)}) {
    const std::string spare = format::spare_key(key);
    const std::string whole = test::read_whole_file(path(key));
    ASSERT_EQ(test::read_whole_file(path(spare)), whole);
    std::vector<std::string> damaged{"", whole.substr(0, whole.size() - 1), whole + "x"};
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (const int mask : {0x40, 0x01}) damaged.push_back(flipped(whole, at, mask));
    for (const std::string& bytes : damaged) {
      test::write_file(path(key), bytes);
      const auto first = opened();
      ASSERT_TRUE(first) << first.error().message;
      if (key == format::repository_key) {
        EXPECT_EQ(test::read_whole_file(path(key)), whole);
      }
      test::write_file(path(key), bytes);
      test::write_file(path(spare), bytes);
      const auto both = opened();
      ASSERT_FALSE(both);
      EXPECT_THAT(
          both.error().code,
          testing::AnyOf(ErrorCode::corruption, ErrorCode::unsupported_format,
                         ErrorCode::encryption_key_unknown, ErrorCode::unencrypted_refused));
      test::write_file(path(key), whole);
      ASSERT_TRUE(opened());
      if (key == format::repository_key) {
        EXPECT_EQ(test::read_whole_file(path(spare)), whole);
      }
      test::write_file(path(spare), whole);
    }
    std::filesystem::remove(path(key));
    EXPECT_TRUE(opened());
  }
  // A rekey writes both copies of keys again.
  ASSERT_EQ(rekey(*repository, {false, "db7", {}}, {})->wrapped, 1u);
  std::filesystem::remove_all(path("spare"));
  EXPECT_TRUE(opened());
  ASSERT_EQ(rekey(*repository, {false, "db7", {}}, {})->wrapped, 1u);
  std::filesystem::remove_all(path("keys"));
  std::filesystem::remove(path("repository.json"));
  EXPECT_TRUE(opened());
}

// Neither for an attacker, nor for a host without the key.
TEST_F(EncryptedRepositoryTest, ASecondCopyInClearIsNotBelieved) {
  const auto repository = open_with(ring_).value();
  publish(*repository, sealed_backup(*repository, "b1"));
  const std::string spare = format::spare_key(format::repository_key);
  const std::string sealed = test::read_whole_file(path(spare));
  std::filesystem::remove(path("repository.json"));
  EXPECT_EQ(open_with(KeyRing::without_keys()).error().code, ErrorCode::encryption_key_missing);
  test::write_file(path(spare), format::encode_repository({format::format_version, "r0evil", 1}));
  const KeyRing accepts = ring_of({&first_}, true);
  EXPECT_EQ(open_with(accepts).error().code, ErrorCode::corruption) << "backups, and no file";
  EXPECT_EQ(open_with(KeyRing::without_keys()).error().code, ErrorCode::corruption);
  EXPECT_EQ(open_with(ring_).error().code, ErrorCode::corruption)
      << "nor is it an error of its own";
  test::write_file(path(spare), sealed);
  EXPECT_EQ(open_with(ring_).value()->id(), repository->id());
}

// What a newer agent has written is no damage: what it replaced must not come back.
TEST_F(EncryptedRepositoryTest, AFileOfANewerVersionStaysWhereverItStands) {
  const auto repository = open_with(ring_).value();
  const std::string first = path("repository.json");
  const std::string spare = path(format::spare_key(format::repository_key));
  const std::string whole = test::read_whole_file(first);
  std::string newer = whole;
  newer.replace(newer.find(":2,"), 3, ":3,");
  newer.back() = static_cast<char>(newer.back() ^ 1);
  test::write_file(first, newer);
  const KeyRing fresh = ring_of({&first_});
  EXPECT_EQ(open_with(fresh).error().code, ErrorCode::unsupported_format);
  EXPECT_EQ(repository->confirm({}).error().code, ErrorCode::unsupported_format);
  EXPECT_EQ(test::read_whole_file(first), newer);
  EXPECT_EQ(test::read_whole_file(spare), whole);
  test::write_file(first, whole);
  test::write_file(spare, newer);
  EXPECT_TRUE(open_with(fresh));
  EXPECT_EQ(test::read_whole_file(spare), newer);
}

TEST_F(EncryptedRepositoryTest, ADataKeysIdThatFlippedOnItsWayIsReadAgain) {
  ASSERT_TRUE(open_with(ring_));
  int reads = 0;
  store_.after_get = [&](std::string_view key, std::string& got) {
    if (key != format::repository_key || ++reads > 1) return;
    const std::size_t digit = got.find("\"data_key\":\"") + 12;
    got[digit] = static_cast<char>(got[digit] ^ 1);
  };
  const KeyRing fresh = ring_of({&first_});
  EXPECT_TRUE(open_with(fresh));
  EXPECT_EQ(reads, 2);
}

// A server tells those who may not list that what is missing is forbidden.
TEST_F(EncryptedRepositoryTest, WhoMayNotListOpensItByTheSecondCopiesToo) {
  const auto repository = open_with(ring_).value();
  publish(*repository, sealed_backup(*repository, "b1"));
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb == "list" || (verb == "get" && !std::filesystem::exists(path(std::string(key)))))
      return fail(ErrorCode::store_permission_denied, "AccessDenied");
    return {};
  };
  const KeyRing changing = ring_of({&second_, &first_});
  EXPECT_TRUE(open_with(changing)) << "the first of its keys wraps nothing yet";
  std::filesystem::remove(path("repository.json"));
  std::filesystem::remove(path(wrapped_key(*repository, ring_)));
  const KeyRing fresh = ring_of({&first_});
  const auto opened = open_with(fresh);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE((*opened)->load(BackupId("b1"), {}));
  std::filesystem::remove_all(path("spare"));
  const KeyRing another = ring_of({&first_});
  EXPECT_EQ(open_with(another).error().code, ErrorCode::store_permission_denied);
}

TEST_F(EncryptedRepositoryTest, DocumentsOfOtherBackupsAndRepositoriesAreRefused) {
  const auto repository = open_with(ring_).value();
  const SampleBackup b1 = sealed_backup(*repository, "b1");
  const SampleBackup b2 = sealed_backup(*repository, "b2");
  publish(*repository, b1);
  publish(*repository, b2);
  const auto replay = [&](const std::string& from, const std::string& to) {
    const std::string was = test::read_whole_file(path(to));
    test::write_file(path(to), test::read_whole_file(path(from)));
    const auto loaded = repository->load(BackupId("b2"), {});
    EXPECT_EQ(loaded.has_value() ? ErrorCode::internal : loaded.error().code,
              ErrorCode::backup_not_usable)
        << from << " as " << to;
    test::write_file(path(to), was);
  };
  replay("backups/b1/manifest", "backups/b2/manifest");
  replay("backups/b1/frames", "backups/b2/frames");
  replay("backups/b1/manifest", "backups/b2/frames");
  const std::string summary = format::summary_key(b2.manifest.database, BackupId("b2"));
  test::write_file(
      path(summary),
      test::read_whole_file(path(format::summary_key(b1.manifest.database, BackupId("b1")))));
  EXPECT_EQ(repository->list(b1.manifest.database, {})->size(), 1u);
  // Another repository of the same owner: same key, its own id.
  const std::string manifest = test::read_whole_file(path("backups/b1/manifest"));
  for (const char* key : {"repository.json", "spare", "backups", "databases"})
    std::filesystem::remove_all(path(key));
  const auto other = open_with(ring_).value();
  ASSERT_NE(other->id(), repository->id());
  std::filesystem::create_directories(path("backups/b1"));
  test::write_file(path("backups/b1/manifest"), manifest);
  EXPECT_EQ(other->load(BackupId("b1"), {}).error().code, ErrorCode::backup_not_usable);
}

}  // namespace
}  // namespace restored::backup
