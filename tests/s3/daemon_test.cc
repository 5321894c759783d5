// The real daemon with its repository in a bucket of a real S3 server.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include "ceph_gateway.h"
#include "daemon_process.h"
#include "s3_server/fault_server.h"
#include "support/memory_scan.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

using s3_server::FaultServer;
using s3_server::Kind;
using s3_server::ServerOptions;
using system_test::create_backup;
using system_test::create_database;
using system_test::DaemonProcess;
using system_test::RedisClient;
using system_test::seeded_pairs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class DaemonS3Test : public CephGatewayTest {
 protected:
  void SetUp() override {
    CephGatewayTest::SetUp();
    ASSERT_TRUE(gateway().make_bucket(bucket_));
    write_file(
        credentials_file(),
        fmt::format("[default]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n"
                    "[backups]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                    gateway().access_key(), gateway().secret_key()));
    std::filesystem::permissions(credentials_file(), std::filesystem::perms::owner_read);
  }

  std::string credentials_file() const { return directory_.file("credentials"); }
  DaemonProcess::Options options() const {
    DaemonProcess::Options chosen;
    chosen.repository = "s3://" + bucket_ + "/fleet";
    return chosen;
  }
  std::string configuration(const std::string& endpoint) const {
    return fmt::format(
        "[s3]\nendpoint = \"{}\"\nregion = \"default\"\ncredentials_file = \"{}\"\n"
        "profile = \"backups\"\n",
        endpoint, credentials_file());
  }

  const TemporaryDirectory directory_;
  const std::string bucket_ = [] {
    static int made = 0;
    return "daemons" + std::to_string(++made);
  }();
};

std::string status_of(const boost::json::object& operation) {
  return std::string(operation.at("status").as_string());
}

TEST_F(DaemonS3Test, OpenConnectionsSeeExactlyTheBackupAndNoListIsMade) {
  ServerOptions between;
  between.upstream = "127.0.0.1:" + std::to_string(gateway().port());
  const auto counted = FaultServer::start(between);
  ASSERT_NE(counted, nullptr);
  DaemonProcess daemon(options());
  daemon.configure(configuration(counted->endpoint()));
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const auto database = create_database(daemon, "shop");
  RedisClient client(daemon.port(), database.password);
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client.load(seeded_pairs("old", 20'000, 1'000, 1)));
  const auto old_content = client.content();
  ASSERT_TRUE(old_content);
  const std::string backup = create_backup(daemon, database.id);
  ASSERT_NE(backup, "");
  ASSERT_EQ(client.command({"FLUSHALL"}), "OK");
  ASSERT_TRUE(client.load(seeded_pairs("new", 100, 100, 2)));

  counted->no_faults();  // counts anew
  const auto restored = system_test::restore(daemon, database.id, backup);
  EXPECT_EQ(status_of(restored), "succeeded") << daemon.log();
  EXPECT_EQ(counted->count(Kind::list), 0u);
  EXPECT_EQ(client.content(), old_content);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(DaemonS3Test, TheSecretIsNowhereThatItCouldLeakFrom) {
  DaemonProcess daemon(options());
  const std::string secret = gateway().secret_key();
  daemon.configure(configuration(gateway().endpoint()));
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const auto database = create_database(daemon, "shop");
  RedisClient client(daemon.port(), database.password);
  ASSERT_TRUE(client.load(seeded_pairs("old", 2'000, 1'000, 1)));
  const std::string backup = create_backup(daemon, database.id);
  ASSERT_EQ(status_of(system_test::restore(daemon, database.id, backup)), "succeeded");

  // What finds it where it is must be able to find something.
  ASSERT_THAT(dumpable_places_of(gateway().access_key(), daemon.pid()), Not(IsEmpty()));
  EXPECT_THAT(dumpable_places_of(secret, daemon.pid()), IsEmpty());
  EXPECT_THAT(system_test::http(daemon, "GET", "/v1/info").text, Not(HasSubstr(secret)));
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_THAT(daemon.log(), Not(HasSubstr(secret)));
  EXPECT_THAT(daemon.log(), Not(HasSubstr("AWS4-HMAC")));
}

TEST_F(DaemonS3Test, ASecretOfTheEnvironmentIsWipedFromIt) {
  const std::string secret = gateway().secret_key();
  DaemonProcess::Options chosen = options();
  chosen.environment = {{"AWS_ACCESS_KEY_ID", gateway().access_key()},
                        {"AWS_SECRET_ACCESS_KEY", secret},
                        {"AWS_ENDPOINT_URL", gateway().endpoint()}};
  DaemonProcess daemon(chosen);
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const auto database = create_database(daemon, "shop");
  ASSERT_NE(create_backup(daemon, database.id), "");
  std::ifstream environ("/proc/" + std::to_string(daemon.pid()) + "/environ");
  std::stringstream text;
  text << environ.rdbuf();
  EXPECT_THAT(text.str(), Not(HasSubstr(secret)));
  EXPECT_THAT(dumpable_places_of(secret, daemon.pid()), IsEmpty());
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(DaemonS3Test, AWrongSecretIsNamedWithItsRemedyAndDatabasesAreServed) {
  DaemonProcess::Options chosen = options();
  chosen.environment = {{"AWS_ACCESS_KEY_ID", gateway().access_key()},
                        {"AWS_SECRET_ACCESS_KEY", "not-" + gateway().secret_key()},
                        {"AWS_ENDPOINT_URL", gateway().endpoint()}};
  DaemonProcess daemon(chosen);
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const auto database = create_database(daemon, "shop");
  RedisClient client(daemon.port(), database.password);
  EXPECT_EQ(client.command({"SET", "a", "1"}), "OK");
  const auto info = system_test::http(daemon, "GET", "/v1/info");
  EXPECT_EQ(info.at("data.repositoryError.code"), "object-store-permission-denied");
  EXPECT_THAT(info.at("data.repositoryError.message"), HasSubstr("SignatureDoesNotMatch"));
  EXPECT_THAT(info.at("data.repositoryError.hint"), HasSubstr("secret"));
  EXPECT_EQ(daemon.stop(), 0);
}

// Both at the same time: each makes backups, and restores what the other has made.
TEST_F(DaemonS3Test, TwoHostsBackUpIntoAndRestoreFromOneRepositoryAtTheSameTime) {
  constexpr int hosts = 2;
  constexpr int rounds = 3;
  std::vector<std::unique_ptr<DaemonProcess>> daemons;
  std::vector<system_test::TestDatabase> databases;
  std::vector<std::unique_ptr<RedisClient>> clients;
  for (int host = 0; host < hosts; ++host) {
    daemons.push_back(std::make_unique<DaemonProcess>(options()));
    daemons.back()->configure(configuration(gateway().endpoint()));
    ASSERT_TRUE(daemons.back()->start()) << daemons.back()->log();
    databases.push_back(create_database(*daemons.back(), "shop"));
    clients.push_back(
        std::make_unique<RedisClient>(daemons.back()->port(), databases.back().password));
    // The same on both hosts, but for some: contents are shared between their backups.
    ASSERT_TRUE(clients.back()->load(seeded_pairs("same", 3'000, 1'000, 7)));
  }
  struct Made {
    std::string database;
    std::string backup;
    std::map<std::string, std::string> content;
  };
  for (int round = 0; round < rounds; ++round) {
    std::vector<Made> made(hosts);
    {
      std::vector<std::jthread> at_once;
      for (int host = 0; host < hosts; ++host) {
        at_once.emplace_back([&, host] {
          const auto own = seeded_pairs("own", 500, 500, static_cast<unsigned>(host + 10 * round));
          EXPECT_TRUE(clients[host]->load(own));
          const auto content = clients[host]->content();
          ASSERT_TRUE(content);
          made[host] = {databases[host].id, create_backup(*daemons[host], databases[host].id),
                        *content};
        });
      }
    }
    std::vector<std::jthread> at_once;
    for (int host = 0; host < hosts; ++host) {
      at_once.emplace_back([&, host] {
        const Made& others = made[(host + 1) % hosts];
        ASSERT_NE(others.backup, "");
        const auto answer = system_test::http(
            *daemons[host], "POST", "/v1/databases/" + databases[host].id + "/restore",
            fmt::format(R"({{"source":{{"type":"backup","databaseId":"{}","backupId":"{}"}}}})",
                        others.database, others.backup));
        ASSERT_EQ(answer.status, 200) << answer.text;
        const auto ended =
            system_test::wait_operation(*daemons[host], system_test::operation_of(answer));
        EXPECT_EQ(status_of(ended), "succeeded") << daemons[host]->log();
        EXPECT_EQ(clients[host]->content(), others.content);
      });
    }
  }
  for (const auto& daemon : daemons) EXPECT_EQ(daemon->stop(), 0);
}

}  // namespace
}  // namespace restored::test
