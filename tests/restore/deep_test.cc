// The slow way to read a backup gives what the fast one restores, and finds what is wrong.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>

#include "deep/scratch.h"
#include "deep_reading.h"
#include "history.h"
#include "restored/record.h"
#include "test_keys.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class DeepTest : public History {
 protected:
  std::vector<fs::path> objects() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(directory_.file("repository"))) {
      if (entry.is_regular_file() && entry.path().string().find("/objects/") != std::string::npos)
        found.push_back(entry.path());
    }
    return found;
  }
  bool scratch_left() const {
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      if (entry.path().filename().string().starts_with("restored-deep-")) return true;
    }
    return false;
  }
  std::string content_hash(const DatabaseId& id) {
    return host_.engine().live_content(id, std::stop_token()).value().facts.stored.hash();
  }
};

// Rows that are overwritten, deleted, and made again stand in several files of several levels.
TEST_F(DeepTest, ABackupHoldsWhatWasLiveAndWhatItsRestoreGives) {
  host_.open();
  database_ = host_.make_database("layers");
  host_.put(database_, records("key:", 500, 1));
  host_.back_up(database_);
  host_.put(database_, records("key:", 200, 2));
  host_.erase(database_, {"key:000300", "key:000001"});
  host_.back_up(database_);
  Content again = records("key:", 3, 3);
  host_.put(database_, again);
  host_.erase(database_, {again.begin()->first});
  backup_ = host_.back_up(database_);
  const Content expected = host_.content(database_);
  const std::string hash = content_hash(database_);

  const Result<deep::ReadBackup> read = read_deeply(host_, backup_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->database, database_);
  EXPECT_EQ(read->database_name, "layers");
  EXPECT_GT(read->files, 1u) << "rows of several files make one content";
  EXPECT_GT(read->entries, read->content.stored.rows);
  EXPECT_EQ(read->content.stored.rows, expected.size());
  EXPECT_EQ(read->content.stored.hash(), hash);
  EXPECT_FALSE(scratch_left());

  host_.put(database_, records("other:", 10, 4));
  EXPECT_NE(content_hash(database_), hash);
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  EXPECT_EQ(content_hash(database_), hash);
  expect_serves(host_, database_, backup_);
  const DatabaseId copy = host_.make_database("copy");
  ASSERT_EQ(host_.restore(copy, backup_).state, OperationState::succeeded);
  EXPECT_EQ(content_hash(copy), hash);
}

TEST_F(DeepTest, AnEmptyBackupHasNoRows) {
  host_.open();
  database_ = host_.make_database("empty");
  backup_ = host_.back_up(database_);
  const Result<deep::ReadBackup> read = read_deeply(host_, backup_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->content.stored, ContentDigest());
  expect_serves(host_, database_, backup_);
}

TEST_F(DeepTest, AnEncryptedBackupNeedsItsKeyAndGivesTheSame) {
  host_.options.encryption.key_file = new_key_file(directory_.file("key"));
  host_.open();
  make_history();
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  expect_serves(host_, database_, backup_);
  host_.options.encryption.key_file.clear();
  const Result<deep::ReadBackup> keyless = read_deeply(host_, backup_);
  ASSERT_FALSE(keyless);
  EXPECT_EQ(keyless.error().code, ErrorCode::encryption_key_missing);
}

TEST_F(DeepTest, DamageIsFoundWithTheObjectsNameAndNothingIsLeft) {
  host_.open();
  make_history();
  ASSERT_FALSE(objects().empty());
  const fs::path object = objects().front();
  const auto size = fs::file_size(object);
  const fs::path whole = directory_.file("whole");
  fs::copy_file(object, whole);
  // The guards, and the seek table's entries, are of no use to zstd: what it does not read is not
  // found here. It is `backup verify` without --deep that reads those.
  for (const std::uintmax_t at : {std::uintmax_t{1}, std::uintmax_t{20}, size / 3, size / 2}) {
    std::fstream file(object, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 0x55);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
    file.close();
    const Result<deep::ReadBackup> read = read_deeply(host_, backup_);
    EXPECT_FALSE(read) << "byte " << at << " of " << size;
    EXPECT_FALSE(scratch_left());
    fs::copy_file(whole, object, fs::copy_options::overwrite_existing);
  }
  fs::resize_file(object, size / 2);
  const Result<deep::ReadBackup> cut = read_deeply(host_, backup_);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message.find("objects/"), std::string::npos) << cut.error().message;
  EXPECT_NE(cut.error().message.find(".sst"), std::string::npos) << cut.error().message;
  fs::remove(object);
  EXPECT_FALSE(read_deeply(host_, backup_));
  fs::copy_file(whole, object);
  EXPECT_TRUE(read_deeply(host_, backup_));
}

TEST_F(DeepTest, RowsThatExpireAreComparedAsOfOneMoment) {
  host_.open();
  database_ = host_.make_database("expiring");
  host_.put(database_, records("key:", 20, 1));
  const std::shared_ptr<Keyspace> keyspace = host_.engine().keyspace(database_);
  WriteSet changes;
  changes.put(record::metadata_key("gone"), record::encode(record::Type::string, 1, "value"));
  {
    WritePermit permit = keyspace->try_begin_write();
    ASSERT_TRUE(permit);
    ASSERT_TRUE(keyspace->write(permit, changes, Durability::process));
  }
  backup_ = host_.back_up(database_);
  const LiveContent live = host_.engine().live_content(database_, std::stop_token()).value();
  EXPECT_EQ(live.facts.stored.rows, 21u);
  EXPECT_EQ(live.facts.unexpired.rows, 20u);
  host_.erase(database_, {"gone"});
  expect_serves(host_, database_, backup_);
}

TEST_F(DeepTest, ReadingTheLiveContentStopsWhenItIsTold) {
  host_.open();
  make_history();
  std::stop_source stop;
  stop.request_stop();
  const Result<LiveContent> live = host_.engine().live_content(database_, stop.get_token());
  ASSERT_FALSE(live);
  EXPECT_EQ(live.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(host_.engine().live_content(database_, std::stop_token()))
      << "its turn was given back";
  EXPECT_EQ(host_.engine().live_content(DatabaseId("nobody"), {}).error().code,
            ErrorCode::database_not_found);
}

// All that an opening mends, looks after or converts is a writer's.
class DeepReadingTest : public DeepTest {
 protected:
  std::map<std::string, std::string> repository() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory_.file("repository"))) {
      std::ifstream file(entry.path(), std::ios::binary);
      files[entry.path()] =
          entry.is_directory() ? "directory" : std::string(std::istreambuf_iterator(file), {});
    }
    return files;
  }
};

TEST_F(DeepReadingTest, MendsNothing) {
  host_.options.encryption.key_file = new_key_file(directory_.file("key"));
  host_.open();
  make_history();
  host_.close();
  const fs::path root = directory_.file("repository");
  fs::remove(root / "repository.json");  // there is a second copy
  std::ofstream(root / ".tmp" / "upload") << "of somebody who was killed";
  fs::last_write_time(root / ".tmp" / "upload",
                      fs::file_time_type::clock::now() - std::chrono::hours(24 * 30));
  const auto before = repository();
  const Result<deep::ReadBackup> read = read_deeply(host_, backup_);
  EXPECT_TRUE(read) << read.error().message;
  EXPECT_EQ(repository(), before);
  host_.open();
  EXPECT_TRUE(fs::exists(root / "repository.json")) << "a writer mends it";
  host_.close();
  fs::remove_all(root / "spare");
  const auto spareless = repository();
  EXPECT_TRUE(read_deeply(host_, backup_));
  EXPECT_EQ(repository(), spareless);
  host_.open();
}

TEST_F(DeepReadingTest, MakesNoRepositoryAnEncryptedOne) {
  host_.options.encryption = {};
  host_.open();
  make_history();
  host_.close();
  const auto before = repository();
  host_.options.encryption = {new_key_file(directory_.file("key")), {}, true};
  const Result<deep::ReadBackup> read = read_deeply(host_, backup_);
  EXPECT_TRUE(read) << read.error().message;
  EXPECT_EQ(repository(), before);
  host_.options.encryption.accept_unencrypted = false;
  EXPECT_EQ(read_deeply(host_, backup_).error().code, ErrorCode::unencrypted_refused);
  EXPECT_EQ(repository(), before);
  host_.options.encryption = {};
  host_.open();
}

TEST(ScratchTest, WhatAKilledProcessLeftIsRemovedByTheNextOneAndNothingElse) {
  const TemporaryDirectory directory;
  fs::create_directory(directory.file("restored-deep-half00000000"));  // killed right after
  fs::create_directories(directory.file("restored-deep-results/held"));
  fs::create_directories(directory.file("restored-deep-ofsomebody00/else"));
  fs::create_directory(directory.file("other"));
  fs::create_directory(directory.file("elsewhere"));
  fs::create_directory_symlink(directory.file("elsewhere"), directory.file("restored-deep-link"));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(60);  // should nobody kill it
    const auto scratch = deep::Scratch::make(directory.path());
    const std::string path = scratch ? (*scratch)->path() : "";
    std::ofstream(path + "/secret") << "in clear";
    if (::write(ends[1], path.data(), path.size()) < 0) ::_exit(1);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  std::string path(4096, '\0');
  const ssize_t length = ::read(ends[0], path.data(), path.size());
  path.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  ::close(ends[0]);
  EXPECT_TRUE(fs::exists(path + "/secret"));
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
  EXPECT_FALSE(fs::exists(directory.file("restored-deep-half00000000"))) << "nobody holds it";
  EXPECT_TRUE(deep::Scratch::make(directory.path()));
  EXPECT_TRUE(fs::exists(path + "/secret")) << "its process lives";
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(fs::exists(path + "/secret"));
  {
    const auto next = deep::Scratch::make(directory.path());
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_FALSE(fs::exists(path));
    EXPECT_TRUE(fs::exists((*next)->path()));
  }
  EXPECT_TRUE(fs::exists(directory.file("other")));
  EXPECT_TRUE(fs::exists(directory.file("restored-deep-results/held")));
  EXPECT_TRUE(fs::exists(directory.file("restored-deep-ofsomebody00/else")));
  EXPECT_TRUE(fs::is_symlink(directory.file("restored-deep-link")));
  EXPECT_TRUE(fs::is_empty(directory.file("elsewhere")));
}

}  // namespace
}  // namespace restored::test
