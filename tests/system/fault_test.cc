// What the world does to a restore: each ends in a clear error, with the old data serving, nothing
// left in staging, and the next restore working.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "daemon_process.h"

namespace restored::system_test {
namespace {

namespace fs = std::filesystem;

std::string text(const boost::json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::string error_member(const boost::json::object& operation, std::string_view member) {
  const auto* error = operation.if_contains("error");
  return error != nullptr && error->is_object() ? text(error->get_object(), member) : "";
}

// Restores one database's backup into another one, so that no file of this host can be reused.
boost::json::object restore_across(const DaemonProcess& daemon, const TestDatabase& target,
                                   const TestDatabase& source, const std::string& backup) {
  const std::string body = R"({"source":{"type":"backup","databaseId":")" + source.id +
                           R"(","backupId":")" + backup + R"("}})";
  const HttpAnswer answer = http(daemon, "POST", "/v1/databases/" + target.id + "/restore", body);
  EXPECT_EQ(answer.status, 200) << answer.text;
  return answer.status == 200 ? wait_operation(daemon, operation_of(answer))
                              : boost::json::object{};
}

std::size_t files_in_staging(const DaemonProcess& daemon) {
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(daemon.state())) {
    if (entry.is_regular_file() && entry.path().string().find("/staging/") != std::string::npos) {
      ++files;
    }
  }
  return files;
}

// A target with content of its own, and a backup of another database.
class RepositoryFaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.start());
    source_ = create_database(daemon_, "source");
    target_ = create_database(daemon_, "target");
    RedisClient from(daemon_.port(), source_.password);
    ASSERT_TRUE(from.load(seeded_pairs("key:", 5000, 400, 21)));
    source_content_ = from.content().value();
    RedisClient to(daemon_.port(), target_.password);
    ASSERT_TRUE(to.load(seeded_pairs("old:", 1000, 100, 22)));
    target_content_ = to.content().value();
    backup_ = create_backup(daemon_, source_.id);
    ASSERT_FALSE(backup_.empty());
  }

  void expect_old_data_serving() {
    RedisClient client(daemon_.port(), target_.password);
    EXPECT_EQ(client.content(), target_content_);
    EXPECT_EQ(client.command({"SET", "probe", "1"}), "OK");
    EXPECT_EQ(client.command({"DEL", "probe"}), "(integer) 1");
    EXPECT_EQ(http(daemon_, "GET", "/v1/databases/" + target_.id).at("data.status"), "ready");
    EXPECT_EQ(files_in_staging(daemon_), 0u);
  }

  void expect_restore_works() {
    const auto ended = restore_across(daemon_, target_, source_, backup_);
    EXPECT_EQ(text(ended, "status"), "succeeded") << boost::json::serialize(ended);
    RedisClient client(daemon_.port(), target_.password);
    EXPECT_EQ(client.content(), source_content_);
  }

  DaemonProcess daemon_;
  TestDatabase source_;
  TestDatabase target_;
  std::string backup_;
  std::map<std::string, std::string> source_content_;
  std::map<std::string, std::string> target_content_;
};

TEST_F(RepositoryFaultTest, ObjectsThatVanishedFailTheRestoreAndComeBack) {
  const fs::path objects = fs::path(daemon_.repository()) / "objects";
  const fs::path away = fs::path(daemon_.repository()) / "objects.away";
  fs::rename(objects, away);
  const auto ended = restore_across(daemon_, target_, source_, backup_);
  EXPECT_EQ(text(ended, "status"), "failed") << boost::json::serialize(ended);
  EXPECT_EQ(error_member(ended, "code"), "object-not-found");
  EXPECT_FALSE(error_member(ended, "hint").empty());
  expect_old_data_serving();
  std::error_code ignored;
  fs::remove_all(objects, ignored);
  fs::rename(away, objects);
  expect_restore_works();
}

TEST_F(RepositoryFaultTest, ChangedByteInAnObjectNamesFileAndFrame) {
  fs::path object;
  for (const auto& entry : fs::recursive_directory_iterator(daemon_.repository() + "/objects")) {
    if (entry.is_regular_file()) object = entry.path();
  }
  ASSERT_FALSE(object.empty());
  const auto flip = [&] {
    std::fstream file(object, std::ios::binary | std::ios::in | std::ios::out);
    const auto middle = static_cast<std::streamoff>(fs::file_size(object) / 2);
    file.seekg(middle);
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(middle);
    file.put(byte);
  };
  flip();
  const auto ended = restore_across(daemon_, target_, source_, backup_);
  EXPECT_EQ(text(ended, "status"), "failed") << boost::json::serialize(ended);
  EXPECT_EQ(error_member(ended, "code"), "corrupt-data");
  EXPECT_NE(error_member(ended, "message").find("frame "), std::string::npos)
      << error_member(ended, "message");
  EXPECT_NE(error_member(ended, "message").find(".sst"), std::string::npos);
  expect_old_data_serving();
  flip();
  expect_restore_works();
}

TEST_F(RepositoryFaultTest, DamagedOrMissingManifestIsRefusedBeforeAnythingStarts) {
  const fs::path manifest = fs::path(daemon_.repository()) / "backups" / backup_ / "manifest";
  const std::string body = R"({"source":{"type":"backup","databaseId":")" + source_.id +
                           R"(","backupId":")" + backup_ + R"("}})";
  const std::string path = "/v1/databases/" + target_.id + "/restore";
  const auto size = fs::file_size(manifest);
  fs::copy_file(manifest, daemon_.repository() + "/manifest.copy");

  fs::resize_file(manifest, size / 2);
  const HttpAnswer cut = http(daemon_, "POST", path, body);
  EXPECT_EQ(cut.status, 422) << cut.text;
  EXPECT_EQ(cut.at("error.code"), "backup-not-usable");
  expect_old_data_serving();

  fs::remove(manifest);
  const HttpAnswer gone = http(daemon_, "POST", path, body);
  EXPECT_EQ(gone.status, 404) << gone.text;
  EXPECT_EQ(gone.at("error.code"), "backup-not-found");
  expect_old_data_serving();

  fs::copy_file(daemon_.repository() + "/manifest.copy", manifest);
  expect_restore_works();
}

// A small ext4 of its own, unmounted at the end.
class SmallDisk {
 public:
  explicit SmallDisk(unsigned mebibytes) {
    std::string pattern = (fs::temp_directory_path() / "restored-disk-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    const std::string make = "truncate -s " + std::to_string(mebibytes) + "M " + root_ +
                             "/image && mkfs.ext4 -q -m 0 " + root_ + "/image && mkdir " + root_ +
                             "/mnt && mount -o loop " + root_ + "/image " + root_ + "/mnt";
    mounted_ = std::system((make + " 2>/dev/null").c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2((root_ + "/mnt").c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  bool mounted() const { return mounted_; }
  std::string path() const { return root_ + "/mnt"; }

 private:
  std::string root_;
  bool mounted_ = false;
};

TEST(FullDiskSystemTest, RestoreIsRefusedWithNumbersAndTheDatabaseStaysWritable) {
  const SmallDisk disk(400);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a loop device needs root";
  DaemonProcess::Options options;
  options.state = disk.path() + "/state";
  const std::string config = disk.path() + "/restored.toml";
  std::ofstream(config) << "[engine]\nspace_reserve = \"16MiB\"\n";
  options.arguments = {"--config", config};
  DaemonProcess daemon(options);
  ASSERT_TRUE(daemon.start());
  const TestDatabase source = create_database(daemon, "source");
  const TestDatabase target = create_database(daemon, "target");
  RedisClient client(daemon.port(), source.password);
  ASSERT_TRUE(client.load(seeded_pairs("key:", 40000, 1000, 31)));
  const auto content = client.content();
  const std::string backup = create_backup(daemon, source.id);
  ASSERT_FALSE(backup.empty());
  RedisClient other(daemon.port(), target.password);
  ASSERT_EQ(other.command({"SET", "mine", "still here"}), "OK");

  const fs::space_info space = fs::space(disk.path());
  const std::string ballast = disk.path() + "/ballast";
  ASSERT_GT(space.available, 40u << 20);
  const std::string fill =
      "fallocate -l " + std::to_string(space.available - (30u << 20)) + " " + ballast;
  ASSERT_EQ(std::system(fill.c_str()), 0);
  const std::string body = R"({"source":{"type":"backup","databaseId":")" + source.id +
                           R"(","backupId":")" + backup + R"("}})";
  const HttpAnswer refused = http(daemon, "POST", "/v1/databases/" + target.id + "/restore", body);
  EXPECT_EQ(refused.status, 422) << refused.text;
  EXPECT_EQ(refused.at("error.code"), "insufficient-space");
  EXPECT_TRUE(refused.at("error.message").find_first_of("0123456789") != std::string::npos);
  EXPECT_EQ(other.command({"GET", "mine"}), "still here");
  EXPECT_EQ(other.command({"SET", "mine", "and writable"}), "OK");
  EXPECT_EQ(http(daemon, "GET", "/v1/databases/" + target.id).at("data.status"), "ready");

  fs::remove(ballast);
  const auto ended = restore_across(daemon, target, source, backup);
  EXPECT_EQ(text(ended, "status"), "succeeded") << boost::json::serialize(ended);
  EXPECT_EQ(other.content(), content);
  EXPECT_EQ(daemon.stop(), 0);
}

}  // namespace
}  // namespace restored::system_test
