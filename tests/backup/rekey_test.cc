// Wrapped keys: a change of keys that is cut off anywhere loses nothing.
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
