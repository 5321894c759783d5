// The real agent, with a key, and files that somebody has damaged: what it tells, what its clients
// see, and that it goes on once they are whole again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "daemon_process.h"
#include "support/temporary_directory.h"

namespace restored::system_test {
namespace {

namespace fs = std::filesystem;
using test::read_whole_file;
using test::write_file;
using testing::HasSubstr;

class AgentCorruptionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    key_ = daemon_.state() + ".key";
    std::ofstream(key_) << "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=\n";
    fs::permissions(key_, fs::perms::owner_read);
    daemon_.configure("[encryption]\nkey_file = \"" + key_ + "\"\n");
    ASSERT_TRUE(daemon_.start());
    const TestDatabase source = create_database(daemon_, "source");
    source_ = source.id;
    RedisClient writer(daemon_.port(), source.password);
    ASSERT_TRUE(writer.load(seeded_pairs("a", 300, 100, 1)));
    older_ = create_backup(daemon_, source.id);
    ASSERT_TRUE(writer.load(seeded_pairs("b", 300, 100, 2)));
    newer_ = create_backup(daemon_, source.id);
    hash_ = content_hash(source.id);
    target_ = create_database(daemon_, "target");
    RedisClient client(daemon_.port(), target_.password);
    ASSERT_TRUE(client.load(seeded_pairs("old", 50, 50, 3)));
    old_hash_ = content_hash(target_.id);
    ASSERT_NE(old_hash_, hash_);
  }
  void TearDown() override { fs::remove(key_); }

  std::string content_hash(const std::string& database) const {
    const HttpAnswer answer = http(daemon_, "GET", "/v1/databases/" + database + "/content");
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.at("data.hash");
  }
  HttpAnswer ask_for_restore() const {
    return http(daemon_, "POST", "/v1/databases/" + target_.id + "/restore",
                R"({"source":{"type":"backup","databaseId":")" + source_ + R"(","backupId":")" +
                    newer_ + R"("}})");
  }
  std::string document(const std::string& backup, const std::string& name) const {
    return daemon_.repository() + "/backups/" + backup + "/" + name;
  }
  static void flip_middle(const std::string& path) {
    std::string bytes = read_whole_file(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x21);
    write_file(path, bytes);
  }
  boost::json::object ended_restore() const {
    const HttpAnswer accepted = ask_for_restore();
    EXPECT_EQ(accepted.status, 200) << accepted.text;
    return wait_operation(daemon_, operation_of(accepted));
  }
  void expect_restores() {
    const boost::json::object ended = ended_restore();
    EXPECT_EQ(ended.at("status").as_string(), "succeeded") << boost::json::serialize(ended);
    EXPECT_EQ(content_hash(target_.id), hash_);
  }

  DaemonProcess daemon_;
  std::string key_;
  std::string source_;
  std::string older_;
  std::string newer_;
  std::string hash_;
  std::string old_hash_;
  TestDatabase target_;
};

TEST_F(AgentCorruptionTest, AnObjectOrAManifestThatIsNotWhatItWasRestoresNothing) {
  std::string object;
  for (const auto& entry : fs::recursive_directory_iterator(daemon_.repository() + "/objects"))
    if (entry.is_regular_file()) object = entry.path().string();
  const std::string whole = read_whole_file(object);
  flip_middle(object);
  const boost::json::object ended = ended_restore();
  EXPECT_EQ(ended.at("status").as_string(), "failed");
  EXPECT_EQ(ended.at("error").at("code").as_string(), "corrupt-data");
  EXPECT_THAT(std::string(ended.at("error").at("message").as_string()), HasSubstr(".sst"));
  EXPECT_EQ(content_hash(target_.id), old_hash_);
  write_file(object, whole);

  const std::string manifest = read_whole_file(document(newer_, "manifest"));
  write_file(document(newer_, "manifest"), read_whole_file(document(older_, "manifest")));
  const HttpAnswer replayed = ask_for_restore();
  EXPECT_EQ(replayed.status, 422) << replayed.text;
  EXPECT_THAT(replayed.text, HasSubstr(newer_));
  EXPECT_EQ(content_hash(target_.id), old_hash_);
  write_file(document(newer_, "manifest"), manifest);
  expect_restores();
}

TEST_F(AgentCorruptionTest, ARepositoryFileOrKeyThatIsDamagedLeavesTheDataServed) {
  std::string wrapped;
  for (const auto& entry : fs::recursive_directory_iterator(daemon_.repository() + "/keys"))
    if (entry.is_regular_file()) wrapped = entry.path().string();
  for (const std::string& path : {daemon_.repository() + "/repository.json", wrapped}) {
    ASSERT_EQ(daemon_.stop(), 0);
    // Each has a second copy; one alone is mended from the other.
    const std::string spare =
        daemon_.repository() + "/spare" + path.substr(daemon_.repository().size());
    const std::string whole = read_whole_file(path);
    ASSERT_EQ(read_whole_file(spare), whole);
    flip_middle(path);
    flip_middle(spare);
    daemon_.launch();
    // Damage of its own repository may keep an agent from its start or be told by it later; it must
    // not be a success, nor touch the data.
    if (daemon_.wait_ready(std::chrono::seconds(20))) {
      const HttpAnswer refused = ask_for_restore();
      EXPECT_GE(refused.status, 400) << refused.text;
      EXPECT_EQ(content_hash(target_.id), old_hash_);
      ASSERT_EQ(daemon_.stop(), 0);
    } else {
      EXPECT_FALSE(daemon_.running());
      EXPECT_THAT(daemon_.log(), HasSubstr(fs::path(path).filename().string()));
    }
    write_file(spare, whole);  // the path itself is mended
    ASSERT_TRUE(daemon_.start());
    EXPECT_EQ(content_hash(target_.id), old_hash_);
  }
  expect_restores();
}

TEST_F(AgentCorruptionTest, ADamagedJournalAndStagedFilesAreFetchedAgainAfterAKill) {
  ASSERT_EQ(daemon_.stop(), 0);
  daemon_.set_environment("RESTORED_KILL_POINT", "restore.run.after-fetch");
  ASSERT_TRUE(daemon_.start());
  ask_for_restore();
  ASSERT_TRUE(daemon_.wait_exit(std::chrono::seconds(60)));
  int damaged = 0;
  for (const auto& entry : fs::recursive_directory_iterator(daemon_.state() + "/databases")) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().string();
    if (path.find("/staging/") == std::string::npos) continue;
    // Its last byte: the journal's last record is then none.
    std::string bytes = read_whole_file(path);
    bytes.back() = static_cast<char>(bytes.back() ^ 0x40);
    write_file(path, bytes);
    ++damaged;
  }
  EXPECT_GE(damaged, 2) << "a journal and a file at least";
  daemon_.set_environment("RESTORED_KILL_POINT", "");
  ASSERT_TRUE(daemon_.start());
  const HttpAnswer operations = http(daemon_, "GET", "/v1/operations?kind=restore");
  const std::string operation(operations.find("data")->at(0).at("id").as_string());
  EXPECT_EQ(wait_operation(daemon_, operation).at("status").as_string(), "succeeded");
  EXPECT_EQ(content_hash(target_.id), hash_);
}

}  // namespace
}  // namespace restored::system_test
