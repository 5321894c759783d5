// An engine whose backups are encrypted: what is stored tells nothing, what is forged or moved is
// refused before it harms, and keys can be missing, wrong and changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "format/manifest.h"
#include "history.h"
#include "restore/wrapping_keys.h"
#include "restored/limits.h"
#include "step_gate.h"
#include "support/wait_until.h"
#include "test_keys.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class EncryptionTest : public History {
 protected:
  EncryptionTest() { host_.options.encryption.key_file = key_; }
  // Some tests end with a host that could not be opened.
  void TearDown() override {
    if (open_) host_.close();
  }
  void open() {
    host_.open();
    open_ = true;
  }
  void close() {
    host_.close();
    open_ = false;
  }
  Error reopen_fails() {
    if (open_) close();
    const Result<void> opened = host_.try_open();
    open_ = opened.has_value();
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
  std::string path(const std::string& key) const {
    return directory_.file("repository") + "/" + key;
  }
  // Every file of the repository by its path.
  std::map<std::string, std::string> repository() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory_.file("repository")))
      if (entry.is_regular_file())
        files[entry.path().string()] = read_whole_file(entry.path().string());
    return files;
  }
  std::set<std::string> object_paths(const BackupId& backup) {
    const auto manifest = host_.engine().backup_manifest(backup).value();
    const std::string member = "\"content_id\": \"";
    std::set<std::string> paths;
    for (std::size_t at = 0; (at = manifest.find(member, at)) != std::string::npos;) {
      const std::string id = manifest.substr(at += member.size(), 32);
      paths.insert(path("objects/" + id.substr(0, 2) + "/" + id));
    }
    return paths;
  }
  // Refused, or failed, and the content of the database is what it was.
  Error expect_no_restore(const BackupId& backup) {
    const OperationView ended = host_.restore(database_, backup);
    EXPECT_EQ(ended.state, OperationState::failed);
    EXPECT_EQ(host_.content(database_), now_);
    return ended.error.value_or(Error{});
  }

  const std::string key_ = new_key_file(directory_.file("key"));
  bool open_ = false;
};

TEST_F(EncryptionTest, BackupsTellNothingAndRestore) {
  open();
  make_history();
  for (const auto& [file, bytes] : repository()) {
    for (const char* text : {"\"orders\"", "\"first\"", "key:0000", "leveldb.Byte", "rocksdb."})
      EXPECT_EQ(bytes.find(text), std::string::npos) << text << " stands in " << file;
  }
  EXPECT_THAT(host_.engine().backup_manifest(backup_).value(), HasSubstr("\"data_key\": \""));
  EXPECT_EQ(host_.engine().backups(database_)->front().name, "first");
  for (const VerifyDepth depth : {VerifyDepth::fast, VerifyDepth::full}) {
    const auto verified = host_.engine().start_verify(backup_, depth, "test");
    EXPECT_EQ(host_.wait(verified->id).state, OperationState::succeeded);
  }
  const DatabaseId copy = host_.make_database("copy");
  ASSERT_EQ(host_.restore(copy, backup_).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(copy), then_);
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
  const BackupId again = host_.back_up(database_);
  EXPECT_EQ(host_.engine().backup(again)->uploaded_bytes, 0u) << "all of it was there";
  ASSERT_EQ(host_.restore(copy, again).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(copy), then_);
}

TEST_F(EncryptionTest, WithoutTheRightKeyNothingIsTouched) {
  open();
  make_history();
  close();
  const auto before = repository();
  host_.options.encryption.key_file.clear();
  const Error missing = reopen_fails();
  EXPECT_EQ(missing.code, ErrorCode::encryption_key_missing) << missing.message;
  host_.options.encryption.key_file = new_key_file(directory_.file("another"));
  const Error unknown = reopen_fails();
  EXPECT_EQ(unknown.code, ErrorCode::encryption_key_unknown) << unknown.message;
  for (const Error& error : {missing, unknown}) {
    EXPECT_THAT(error.message, Not(HasSubstr(read_whole_file(key_).substr(0, 64))));
    EXPECT_FALSE(error.hint_text().empty());
  }
  EXPECT_EQ(repository(), before);
  host_.options.encryption.key_file = key_;
  open();
  EXPECT_EQ(host_.content(database_), now_);
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
}

TEST_F(EncryptionTest, WhatWasWrittenBeforeThereWasAKeyIsReadOnlyWhenThatIsAccepted) {
  host_.options.encryption.key_file.clear();
  open();
  make_history();
  close();
  host_.options.encryption.key_file = key_;
  EXPECT_EQ(reopen_fails().code, ErrorCode::unencrypted_refused);

  host_.options.encryption.accept_unencrypted = true;
  open();
  const DatabaseId copy = host_.make_database("copy");
  ASSERT_EQ(host_.restore(copy, backup_).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(copy), then_);
  const BackupId sealed = host_.back_up(copy);
  EXPECT_GT(host_.engine().backup(sealed)->uploaded_bytes, 0u) << "nothing unencrypted is shared";
  EXPECT_EQ(host_.engine().collect_repository(true, {})->backups_unreadable, 0u);
  close();

  host_.options.encryption.accept_unencrypted = false;
  open();
  EXPECT_EQ(expect_no_restore(backup_).code, ErrorCode::unencrypted_refused);
  const auto listed = host_.engine().backups(database_).value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed.front().id, backup_);
  EXPECT_EQ(listed.front().status, BackupStatus::unknown);
  EXPECT_GT(listed.front().created_at, 0);
  EXPECT_EQ(listed.front().error->code, ErrorCode::unencrypted_refused);
  EXPECT_EQ(host_.engine().collect_repository(true, {})->backups_unreadable, 1u);
  EXPECT_EQ(host_.restore(database_, sealed).state, OperationState::succeeded);
  ASSERT_TRUE(host_.engine().remove_backup(backup_)) << "one that cannot be read can be removed";
  close();
  host_.options.encryption.key_file.clear();
  EXPECT_EQ(reopen_fails().code, ErrorCode::encryption_key_missing) << "it is an encrypted one now";
}

TEST_F(EncryptionTest, AForgedRepositoryFileOrManifestIsNoWayBack) {
  TestHost plain(directory_.file("plain-state"), directory_.file("plain"));
  plain.options.encryption.key_file.clear();
  plain.open();
  const DatabaseId id = plain.make_database("forged");
  plain.put(id, records("evil:", 10));
  const BackupId forged = plain.back_up(id);
  plain.close();
  open();
  make_history();
  const auto copy = fs::copy_options::recursive | fs::copy_options::overwrite_existing;
  for (const std::string part : {"backups", "objects", "databases"})
    fs::copy(directory_.file("plain") + "/" + part, path(part), copy);
  EXPECT_EQ(expect_no_restore(forged).code, ErrorCode::unencrypted_refused);
  // The attacker's content under the name of a backup that is trusted.
  for (const std::string document : {"manifest", "frames"})
    fs::copy(path("backups/" + forged.value + "/" + document),
             path("backups/" + backup_.value + "/" + document), copy);
  EXPECT_EQ(expect_no_restore(backup_).code, ErrorCode::unencrypted_refused);
  fs::copy(directory_.file("plain") + "/repository.json", path("repository.json"), copy);
  EXPECT_EQ(reopen_fails().code, ErrorCode::unencrypted_refused);
}

TEST_F(EncryptionTest, ObjectsAndDocumentsOpenOnlyWhereTheyWereWritten) {
  open();
  make_history();
  const BackupId later = host_.back_up(database_);
  const std::string first = *object_paths(backup_).begin();
  std::set<std::string> others = object_paths(later);
  for (const std::string& shared : object_paths(backup_)) others.erase(shared);
  ASSERT_FALSE(others.empty());
  const std::string second = *others.begin();
  const std::string first_bytes = read_whole_file(first);
  const std::string second_bytes = read_whole_file(second);
  const DatabaseId copy = host_.make_database("copy");
  const auto fails = [&](const std::string& what) {
    const OperationView ended = host_.restore(copy, backup_);
    EXPECT_EQ(ended.state, OperationState::failed) << what;
    EXPECT_TRUE(host_.content(copy).empty()) << what;
  };
  write_file(first, second_bytes);
  fails("another object");
  write_file(first, first_bytes.substr(0, first_bytes.size() - 1));
  fails("a shorter object");
  write_file(first, first_bytes + "x");
  const auto verified = host_.engine().start_verify(backup_, VerifyDepth::full, "test");
  EXPECT_EQ(host_.wait(verified->id).state, OperationState::failed) << "a longer object";
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{30}, first_bytes.size() / 2, first_bytes.size() - 1}) {
    std::string flipped = first_bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    write_file(first, flipped);
    fails("byte " + std::to_string(at));
  }
  write_file(first, first_bytes);
  const std::string manifest = read_whole_file(path("backups/" + backup_.value + "/manifest"));
  write_file(path("backups/" + backup_.value + "/manifest"),
             read_whole_file(path("backups/" + later.value + "/manifest")));
  EXPECT_EQ(expect_no_restore(backup_).code, ErrorCode::backup_not_usable);
  write_file(path("backups/" + backup_.value + "/manifest"), manifest);
  ASSERT_EQ(host_.restore(copy, backup_).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(copy), then_);
}

TEST_F(EncryptionTest, AnotherKeyTakesOverAndNoObjectIsWrittenAgain) {
  open();
  make_history();
  const auto before = repository();
  close();
  const std::string next = new_key_file(directory_.file("next"));
  host_.options.encryption.key_file = next;
  host_.options.encryption.previous_key_files = {key_};
  open();
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded)
      << "the previous key still opens it";
  const auto kept = host_.engine().rekey_repository(true, {});
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->data_keys, 1u);
  EXPECT_EQ(kept->wrapped, 1u);
  EXPECT_EQ(kept->removed, 0u);
  const auto done = host_.engine().rekey_repository(false, {});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->wrapped, 0u);
  EXPECT_EQ(done->removed, 1u);
  EXPECT_EQ(done->key, host_.engine().engine_facts().encryption_key);
  for (const auto& [file, bytes] : repository()) {
    if (file.find("/keys/") != std::string::npos) continue;
    EXPECT_EQ(before.at(file), bytes) << file;
  }
  close();
  host_.options.encryption.key_file = key_;
  host_.options.encryption.previous_key_files.clear();
  EXPECT_EQ(reopen_fails().code, ErrorCode::encryption_key_unknown);
  host_.options.encryption.key_file = next;
  open();
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(EncryptionTest, ABackupThatRunsInClearFailsOnceAnotherHostEncrypts) {
  StepGate gate("backup.make.after-upload");
  host_.options.encryption.key_file.clear();
  host_.seams.step = gate.hook();
  open();
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("key:", 100));
  const auto running = host_.engine().start_backup(id, "", "test");
  ASSERT_TRUE(running) << running.error().message;
  ASSERT_TRUE(gate.wait_reached());
  TestHost other(directory_.file("other-state"), directory_.file("repository"));
  other.options.encryption = {key_, {}, true};
  other.open();
  gate.let_go();
  for (const bool later : {false, true}) {
    const auto next = later ? host_.engine().start_backup(id, "", "test") : running;
    ASSERT_TRUE(next) << next.error().message;
    const OperationView ended = host_.wait(next->id);
    EXPECT_EQ(ended.state, OperationState::failed);
    ASSERT_TRUE(ended.error);
    EXPECT_EQ(ended.error->code, ErrorCode::encryption_key_missing) << ended.error->message;
    EXPECT_FALSE(fs::exists(path("backups/" + ended.backup.value + "/manifest")));
    EXPECT_FALSE(fs::exists(path("databases/" + id.value + "/" + ended.backup.value)));
  }
  EXPECT_EQ(host_.content(id), records("key:", 100)) << "it is served all the same";
  other.close();
  close();  // before the gate
}

TEST_F(EncryptionTest, DamageIsNotNotedInClearOnceAnotherHostEncrypts) {
  host_.options.encryption.key_file.clear();
  open();
  make_history();
  for (const std::string& object : object_paths(backup_)) write_file(object, "x");
  TestHost other(directory_.file("other-state"), directory_.file("repository"));
  other.options.encryption = {key_, {}, true};
  other.open();
  const auto verified = host_.engine().start_verify(backup_, VerifyDepth::full, "test");
  ASSERT_TRUE(verified) << verified.error().message;
  const OperationView ended = host_.wait(verified->id);
  EXPECT_EQ(ended.state, OperationState::failed);
  EXPECT_THAT(ended.error.value_or(Error{}).message, HasSubstr("objects are damaged"));
  for (const auto& [file, bytes] : repository())
    EXPECT_EQ(bytes.find("{\"restored\":\"damage\",\"version\":1,"), std::string::npos) << file;
  other.close();
}

TEST_F(EncryptionTest, AHostGoesOverToTheDataKeyThatOthersUse) {
  open();
  make_history();
  const auto member = [&](const std::string& name, const BackupId& backup) {
    const std::string manifest = host_.engine().backup_manifest(backup).value();
    const std::size_t begin = manifest.find("\"" + name + "\": \"") + name.size() + 5;
    return manifest.substr(begin, manifest.find('"', begin) - begin);
  };
  const auto data_key = [&](const BackupId& backup) { return member("data_key", backup); };
  // As the last one of a fleet that converts at once leaves it: the same id, another data key.
  write_file(
      path("repository.json"),
      format::encode_repository({format::format_version, member("repository_id", backup_), 1}));
  TestHost other(directory_.file("other-state"), directory_.file("repository"));
  other.options.encryption = {key_, {}, true};
  other.open();
  const DatabaseId theirs = other.make_database("theirs");
  other.put(theirs, then_);
  const BackupId of_other = other.back_up(theirs);
  const BackupId ours = host_.back_up(database_);
  EXPECT_NE(data_key(backup_), data_key(of_other));
  EXPECT_EQ(data_key(ours), data_key(of_other));
  for (const BackupId& one : {backup_, of_other})
    for (TestHost* host : {&host_, &other}) {
      const DatabaseId copy = host->make_database("copy");
      EXPECT_EQ(host->restore(copy, one).state, OperationState::succeeded);
      EXPECT_EQ(host->content(copy), then_);
      EXPECT_TRUE(host->engine().remove_database(copy));
    }
  other.close();
}

// As many as may work at once wait for a key that was taken out of the configuration. Others work.
TEST_F(EncryptionTest, RestoresThatWaitForAKeyHoldUpNobody) {
  StepGate gate("restore.run.after-fetch");
  host_.seams.step = gate.hook();
  open();
  make_history();
  const std::string manifest = host_.engine().backup_manifest(backup_).value();
  const std::string member = "\"repository_id\": \"";
  const std::size_t begin = manifest.find(member) + member.size();
  std::map<DatabaseId, OperationId> waiting;
  for (unsigned i = 0; i < limits::operations_running_max; ++i) {
    const DatabaseId copy = host_.make_database("copy");
    waiting[copy] = host_.start_restore(copy, backup_)->id;
  }
  ASSERT_TRUE(gate.wait_reached());
  {
    const std::jthread closing([&] { close(); });
    for (const auto& [copy, operation] : waiting)
      EXPECT_TRUE(host_.engine().wait_operation(operation, std::chrono::minutes(1), {}));
    gate.let_go();  // only now that all were told to stop: let go before, they end well
  }
  host_.seams.step = nullptr;
  // The repository goes on under another key.
  write_file(
      path("repository.json"),
      format::encode_repository(
          {format::format_version, manifest.substr(begin, manifest.find('"', begin) - begin), 1}));
  const std::string next = new_key_file(directory_.file("next"));
  host_.options.encryption = {next, {}, true};
  open();
  for (const auto& [copy, operation] : waiting) {
    EXPECT_TRUE(wait_until([&] {
      return host_.engine().operation(operation)->waiting_on.find("opens data key") !=
             std::string::npos;
    })) << host_.engine().operation(operation)->waiting_on;
  }
  const BackupId other = host_.back_up(database_);
  EXPECT_EQ(host_.restore(database_, other).state, OperationState::succeeded);
  ASSERT_TRUE(host_.engine().cancel_operation(waiting.begin()->second));
  EXPECT_EQ(host_.wait(waiting.begin()->second).state, OperationState::cancelled);
  EXPECT_TRUE(host_.content(waiting.begin()->first).empty());
  waiting.erase(waiting.begin());
  close();
  host_.options.encryption = {next, {key_}, false};
  open();
  for (const auto& [copy, operation] : waiting) {
    EXPECT_EQ(host_.wait(operation).state, OperationState::succeeded);
    EXPECT_EQ(host_.content(copy), then_);
  }
}

TEST_F(EncryptionTest, ARepositoryWithoutAKeyCannotBeRekeyed) {
  host_.options.encryption.key_file.clear();
  open();
  EXPECT_EQ(host_.engine().rekey_repository(false, {}).error().code,
            ErrorCode::encryption_key_missing);
}

}  // namespace
}  // namespace restored::test
