// A repository with keys: each of its documents counts to the last byte, opens in its own place
// alone, and a change of keys that is cut off anywhere loses nothing.
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backup/key_ring.h"
#include "backup/rekey.h"
#include "base/hex.h"
#include "repository_fixture.h"
#include "seal/key.h"

namespace restored::backup {
namespace {

using test::SampleBackup;
using testing::HasSubstr;
using IfEmpty = Repository::IfEmpty;

class EncryptedRepositoryTest : public test::RepositoryFixture {
 protected:
  EncryptedRepositoryTest() : test::RepositoryFixture(test::memory_directory()) {}
  // A ring with copies of these keys, the first of which wraps.
  static KeyRing ring_of(std::initializer_list<const seal::Key*> keys, bool accept = false) {
    std::vector<format::WrappingKey> made;
    for (const seal::Key* key : keys) made.emplace_back(seal::Key::copy(key->bytes()));
    return KeyRing(std::move(made), accept);
  }
  Result<std::unique_ptr<Repository>> open_with(const KeyRing& keys) {
    return Repository::open(store_, {}, IfEmpty::begin, keys);
  }
  SampleBackup sealed_backup(const Repository& repository, const std::string& id) {
    SampleBackup backup = test::make_backup(id, {test::compressible(300'000), "small " + id});
    backup.manifest.repository_id = repository.id();
    backup.manifest.data_key = repository.data_key()->id();
    format::index_frames(backup.manifest, backup.frames);
    return backup;
  }
  std::string wrapped_key(const Repository& repository, const KeyRing& ring) {
    return format::wrapped_key_key(repository.data_key()->id(), ring.wrapping_keys().front().id());
  }

  const seal::Key first_ = seal::Key::random();
  const seal::Key second_ = seal::Key::random();
  const KeyRing ring_ = ring_of({&first_});
};

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

TEST_F(EncryptedRepositoryTest, ADamagedWrappingHidesNoWholeOne) {
  const auto repository = open_with(ring_).value();
  const format::WrappingKey second(seal::Key::copy(second_.bytes()));
  ASSERT_TRUE(store_wrapped(store_, second, *repository->data_key(), {}));
  const std::string wrapped = format::wrapped_key_key(repository->data_key()->id(), second.id());
  for (const std::string& copy : {wrapped, format::spare_key(wrapped)})
    test::write_file(path(copy), "x");
  const KeyRing both = ring_of({&second_, &first_});
  const auto opened = open_with(both);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE(rekey(**opened, {false, "db7", {}}, {})) << "and it is mended";
  EXPECT_TRUE(open_with(ring_of({&second_})));
  const KeyRing only_damaged = ring_of({&second_});
  for (const std::string& copy : {wrapped, format::spare_key(wrapped)})
    test::write_file(path(copy), "x");
  EXPECT_EQ(open_with(only_damaged).error().code, ErrorCode::corruption);
}

// Hosts that have only the previous key still need it.
TEST_F(EncryptedRepositoryTest, ARekeyThatKeepsThePreviousKeyMendsWhatThatWraps) {
  const auto repository = open_with(ring_).value();
  const KeyRing both = ring_of({&second_, &first_});
  const auto changing = open_with(both).value();
  ASSERT_EQ(rekey(*changing, {true, "db7", {}}, {})->wrapped, 1u);
  test::write_file(path(wrapped_key(*repository, ring_)), "x");
  EXPECT_EQ(rekey(*changing, {true, "db7", {}}, {})->wrapped, 1u);
  std::filesystem::remove(path(format::spare_key(wrapped_key(*repository, ring_))));
  const KeyRing fresh = ring_of({&first_});
  EXPECT_TRUE(open_with(fresh));
}

TEST_F(EncryptedRepositoryTest, ADataKeyThatAnotherHostMadeSinceIsFound) {
  const auto repository = open_with(ring_).value();
  const KeyRing another_host = ring_of({&first_});
  const auto made = another_host.make(store_, {});
  ASSERT_TRUE(made);
  const std::string id = (*made)->id();
  const auto found = ring_.find(store_, id, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ((*found)->id(), id);
  const KeyRing wrong = ring_of({&second_});
  const auto not_found = wrong.find(store_, id, {});
  EXPECT_EQ(not_found.error().code, ErrorCode::encryption_key_unknown);
  EXPECT_THAT(not_found.error().message, HasSubstr(ring_.wrapping_keys().front().id()))
      << "which key is wanted";
}

// Wherever it is cut off, one of the two keys opens all, and the next call ends it.
TEST_F(EncryptedRepositoryTest, ARekeyThatIsCutOffAtAnyCallLosesNothing) {
  const KeyRing both = ring_of({&second_, &first_});
  const SampleBackup backup = [&] {
    const auto repository = open_with(ring_).value();
    SampleBackup made = sealed_backup(*repository, "b1");
    publish(*repository, made);
    return made;
  }();
  const auto loads_with = [&](const seal::Key& key) {
    const KeyRing ring = ring_of({&key});
    const auto opened = Repository::open(*files_store_, {}, IfEmpty::refuse, ring);
    return opened && (*opened)->load(BackupId("b1"), {}).has_value();
  };
  CollectionTimes times;
  times.stale = std::chrono::milliseconds(0);  // the mark of the one that was cut off
  bool done = false;
  for (std::size_t calls = 0; !done; ++calls) {
    ASSERT_LT(calls, 100u);
    const auto repository = open_with(both).value();
    std::size_t left = calls;
    store_.before = [&](std::string_view, std::string_view) -> Result<void> {
      if (left-- > 0) return {};
      left = 0;
      return fail(ErrorCode::object_store_unavailable, "cut off");
    };
    done = rekey(*repository, {false, "db7", times}, {}).has_value();
    store_.before = nullptr;
    EXPECT_TRUE(loads_with(first_) || loads_with(second_)) << calls;
  }
  EXPECT_FALSE(loads_with(first_));
  EXPECT_TRUE(loads_with(second_));
  EXPECT_EQ(open_with(both).value()->load(backup.manifest.backup, {})->manifest, backup.manifest);
}

// It may come to pass later, when another host has gone back to the key before.
TEST_F(EncryptedRepositoryTest, ARekeyWhoseRemovalIsInDoubtLeavesItsMark) {
  ASSERT_TRUE(open_with(ring_));
  const KeyRing both = ring_of({&second_, &first_});
  const auto repository = open_with(both).value();
  int removals = 0;
  store_.before = [&](std::string_view verb, std::string_view key) -> Result<void> {
    if (verb != "remove" || !key.starts_with(format::keys_prefix)) return {};
    ++removals;
    return fail(ErrorCode::object_store_unavailable, "no answer");
  };
  EXPECT_EQ(rekey(*repository, {false, "db7", {}}, {}).error().code,
            ErrorCode::object_store_unavailable);
  EXPECT_EQ(removals, 1);
  store_.before = nullptr;
  const KeyRing back = ring_of({&first_, &second_});
  EXPECT_EQ(rekey(*open_with(back).value(), {false, "db8", {}}, {}).error().code,
            ErrorCode::collection_running);
}

TEST_F(EncryptedRepositoryTest, ARekeyLeavesWhatOtherKeysMadeAndMendsWhatIsGone) {
  const auto repository = open_with(ring_).value();
  const seal::Key foreign = seal::Key::random();
  const format::WrappingKey theirs(seal::Key::copy(foreign.bytes()));
  ASSERT_TRUE(store_wrapped(store_, theirs, *repository->data_key(), {}));
  for (const std::string& key :
       {wrapped_key(*repository, ring_), format::spare_key(wrapped_key(*repository, ring_))})
    std::filesystem::remove(path(key));
  const KeyRing stranger = ring_of({&second_});
  ASSERT_TRUE(stranger.make(store_, {}));
  const auto report = rekey(*repository, {false, "db7", {}}, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->data_keys, 2u);
  EXPECT_EQ(report->wrapped, 1u) << "this agent had it in memory";
  EXPECT_EQ(report->foreign, 2u);
  EXPECT_EQ(report->unopened, 1u);
  EXPECT_EQ(report->removed, 0u);
  const KeyRing fresh = ring_of({&first_});
  EXPECT_TRUE(open_with(fresh));
}

TEST_F(EncryptedRepositoryTest, BackupsOfAKeyThatIsGoneAreListedForWhatTheyAre) {
  const auto repository = open_with(ring_).value();
  const SampleBackup backup = sealed_backup(*repository, "b1");
  publish(*repository, backup);
  // Its data key's documents are lost, and the repository goes on with another one.
  for (const char* lost : {"keys", "spare"}) std::filesystem::remove_all(path(lost));
  std::filesystem::remove(path("repository.json"));
  const format::RepositoryFile file{format::format_version, repository->id(), 1};
  test::write_file(path("repository.json"), format::encode_repository(file));
  const KeyRing fresh = ring_of({&first_}, true);
  const auto later = open_with(fresh).value();
  std::vector<UnreadableBackup> unreadable;
  EXPECT_TRUE(later->list(backup.manifest.database, {}, &unreadable)->empty());
  ASSERT_EQ(unreadable.size(), 1u);
  EXPECT_EQ(unreadable[0].id, BackupId("b1"));
  EXPECT_GT(unreadable[0].written_at, 0);
  EXPECT_EQ(unreadable[0].error.code, ErrorCode::encryption_key_unknown);
  EXPECT_EQ(later->load(BackupId("b1"), {}).error().code, ErrorCode::encryption_key_unknown);
  EXPECT_TRUE(later->remove(BackupId("b1"), {}));
}

TEST_F(EncryptedRepositoryTest, DamageIsBelievedOnlyFromWhoHasTheKey) {
  const auto repository = open_with(ring_).value();
  const SampleBackup backup = sealed_backup(*repository, "b1");
  const format::Damage damage{backup.manifest.files[0].content, BackupId("b1"), "it differs"};
  ASSERT_TRUE(repository->note_damage(damage, {}));
  EXPECT_EQ(*repository->damage(damage.content, {}), damage);
  test::write_file(path(format::damage_key(damage.content)), format::encode_damage(damage));
  EXPECT_EQ(repository->damage(damage.content, {}).error().code, ErrorCode::unencrypted_refused);
}

}  // namespace
}  // namespace restored::backup
