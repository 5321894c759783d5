// The real agent with a key: its backups tell nothing, its key stays its own, another key opens
// nothing, and it can be changed.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "daemon_process.h"

namespace restored::system_test {
namespace {

namespace fs = std::filesystem;

constexpr const char* first_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=";
constexpr const char* second_key =
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class EncryptionSystemTest : public ::testing::Test {
 protected:
  std::string write_key(const std::string& name, const std::string& text) {
    const std::string path = daemon_.state() + "." + name;
    std::ofstream(path) << text << '\n';
    fs::permissions(path, fs::perms::owner_read);
    return path;
  }
  void configure(const std::string& key, const std::string& previous = "") {
    daemon_.configure("[encryption]\nkey_file = \"" + key + "\"\nprevious_key_files = [" +
                      (previous.empty() ? "" : "\"" + previous + "\"") + "]\n");
  }
  // Files below a directory in which the text stands.
  static int files_with(const std::string& directory, const std::string& text) {
    int found = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file())
        found += read_file(entry.path()).find(text) != std::string::npos ? 1 : 0;
    }
    return found;
  }

  DaemonProcess daemon_;
};

TEST_F(EncryptionSystemTest, BacksUpRestoresAndChangesItsKey) {
  const std::string first = write_key("first-key", first_key);
  const std::string second = write_key("second-key", second_key);
  configure(first);
  ASSERT_TRUE(daemon_.start());
  const TestDatabase database = create_database(daemon_, "customers");
  RedisClient client(daemon_.port(), database.password);
  const auto pairs = seeded_pairs("customer:", 200, 300, 1);
  ASSERT_TRUE(client.load(pairs));
  const std::string backup = create_backup(daemon_, database.id);
  ASSERT_FALSE(backup.empty());
  EXPECT_EQ(files_with(daemon_.repository(), "customer"), 0);
  ASSERT_EQ(client.command({"SET", "customer:0", "changed"}), "OK");
  EXPECT_EQ(restore(daemon_, database.id, backup).at("status").as_string(), "succeeded");
  EXPECT_EQ(client.command({"GET", "customer:0"}), pairs[0].second);
  EXPECT_EQ(http(daemon_, "GET", "/v1/info").at("data.encryptionKey").size(), 32u);
  ASSERT_EQ(daemon_.stop(), 0);

  configure(second);
  daemon_.launch();
  ASSERT_TRUE(daemon_.wait_exit(std::chrono::seconds(60))) << "it has another key";
  EXPECT_NE(daemon_.log().find("opens data key"), std::string::npos) << daemon_.log();

  configure(second, first);
  ASSERT_TRUE(daemon_.start());
  const HttpAnswer rekeyed = http(daemon_, "POST", "/v1/repository/rekey");
  ASSERT_EQ(rekeyed.status, 200) << rekeyed.text;
  EXPECT_EQ(rekeyed.find("data.removed")->to_number<int>(), 1);
  ASSERT_EQ(daemon_.stop(), 0);

  configure(second);
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(restore(daemon_, database.id, backup).at("status").as_string(), "succeeded");
  ASSERT_EQ(daemon_.stop(), 0);

  for (const std::string key : {first_key, second_key}) {
    const std::string part = key.substr(0, 40);
    EXPECT_EQ(files_with(daemon_.state(), part), 0) << "a key in the state directory";
    EXPECT_EQ(files_with(daemon_.repository(), part), 0) << "a key in the repository";
    EXPECT_EQ(daemon_.log().find(part), std::string::npos) << "a key in the log";
  }
}

TEST_F(EncryptionSystemTest, AKeyThatOthersMayReadIsNoKey) {
  const std::string key = write_key("key", first_key);
  fs::permissions(key, fs::perms::owner_read | fs::perms::others_read);
  configure(key);
  daemon_.launch();
  ASSERT_TRUE(daemon_.wait_exit(std::chrono::seconds(60)));
  EXPECT_NE(daemon_.log().find("may be read by others"), std::string::npos) << daemon_.log();
  EXPECT_TRUE(!fs::exists(daemon_.repository()) || fs::is_empty(daemon_.repository()));
}

}  // namespace
}  // namespace restored::system_test
