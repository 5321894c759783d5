// Backups by schedule and clones, of the real agent through restorectl: over a SIGKILL, and with
// clients at work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <thread>

#include "daemon_process.h"
#include "program_run.h"
#include "support/wait_until.h"

namespace restored::system_test {
namespace {

using ctl_test::Ended;
using test::wait_until;
using testing::HasSubstr;

class ScheduleSystemTest : public testing::Test {
 protected:
  Ended ctl(const std::vector<std::string>& arguments) const {
    return ctl_test::run(arguments, {{"RESTORED_CONTROL", "unix:" + daemon_.socket()},
                                     {"RESTORED_TOKEN_FILE", daemon_.state() + "/admin.token"}});
  }
  std::string said(const std::vector<std::string>& arguments) const {
    const Ended ended = ctl(arguments);
    EXPECT_EQ(ended.status, 0) << arguments.at(0) << ": " << ended.errors << daemon_.log();
    return ended.output;
  }
  // What restorectl prints of a connection string.
  static std::string password_in(const std::string& output) {
    const auto begin = output.find("redis://");
    if (begin == std::string::npos) return "";
    return password_of(output.substr(begin, output.find('\n', begin) - begin));
  }
  std::string id_of(const std::string& name) const {
    const HttpAnswer list = http(daemon_, "GET", "/v1/databases");
    for (const auto& item : list.body.at("data").as_array())
      if (item.at("name") == boost::json::string(name)) return item.at("id").as_string().c_str();
    return "";
  }
  std::string hash(const std::string& id) const {
    return http(daemon_, "GET", "/v1/databases/" + id + "/content").at("data.hash");
  }
  // Ids of the complete scheduled ones, newest first.
  std::vector<std::string> scheduled(const std::string& id) const {
    std::vector<std::string> ids;
    const HttpAnswer list = http(daemon_, "GET", "/v1/databases/" + id + "/backups?limit=100");
    const boost::json::value* data = list.find("data");
    if (data == nullptr || !data->is_array()) return ids;
    for (const auto& item : data->get_array()) {
      if (item.at("status") != "completed") continue;
      const std::string backup(item.at("id").as_string());
      const HttpAnswer details = http(daemon_, "GET", "/v1/backups/" + backup);
      const boost::json::value* by_schedule = details.find("data.scheduled");
      if (by_schedule != nullptr && by_schedule->as_bool()) ids.push_back(backup);
    }
    return ids;
  }

  DaemonProcess daemon_;
};

TEST_F(ScheduleSystemTest, RunsGoOnAfterASigkillAndOldBackupsGo) {
  daemon_.configure("[backups]\nevery = \"10s\"\nspread = \"0s\"\nkeep_days = 0\nkeep_count = 2\n");
  ASSERT_TRUE(daemon_.start());
  RedisClient client(daemon_.port(), password_in(said({"database", "create", "shop"})));
  ASSERT_TRUE(client.load(seeded_pairs("old", 500, 100, 1)));
  EXPECT_THAT(said({"database", "schedule", "shop"}), HasSubstr("off, by the configuration"));
  EXPECT_THAT(said({"database", "schedule", "shop", "--daily", "on"}), HasSubstr("the newest 2"));
  EXPECT_EQ(ctl({"database", "schedule", "shop", "--daily", "weekly"}).status, 64);
  const std::string id = id_of("shop");
  const auto content = client.content();
  ASSERT_TRUE(wait_until([&] { return !scheduled(id).empty(); }, std::chrono::seconds(60)));
  const std::string first = scheduled(id).front();
  HttpAnswer own;
  ASSERT_TRUE(wait_until(  // a scheduled run may be at it
      [&] {
        own = http(daemon_, "POST", "/v1/databases/" + id + "/backups", "{}");
        return own.status == 201;
      },
      std::chrono::seconds(60)))
      << own.text;
  const std::string mine = own.at("data.id");
  wait_operation(daemon_, operation_of(own));

  daemon_.kill();
  ASSERT_TRUE(daemon_.start());
  EXPECT_THAT(said({"database", "schedule", "shop"}), HasSubstr("scheduled backups"));
  ASSERT_TRUE(wait_until(
      [&] {
        const std::vector<std::string> kept = scheduled(id);
        return kept.size() == 2 && std::ranges::find(kept, first) == kept.end();
      },
      std::chrono::seconds(120)))
      << daemon_.log();
  EXPECT_THAT(said({"database", "schedule", "shop", "--daily", "off"}), HasSubstr("off"));
  EXPECT_EQ(http(daemon_, "GET", "/v1/backups/" + mine).status, 200);
  EXPECT_EQ(http(daemon_, "GET", "/v1/backups/" + first).status, 404);
  const std::vector<std::string> kept = scheduled(id);
  ASSERT_FALSE(kept.empty());
  ASSERT_TRUE(wait_until([&] {
    return http(daemon_, "GET", "/v1/databases/" + id + "/schedule")
        .find("data.operationId")
        ->is_null();
  }));
  const auto target = create_database(daemon_, "target");
  const HttpAnswer restoring = http(daemon_, "POST", "/v1/databases/" + target.id + "/restore",
                                    R"({"source":{"type":"backup","databaseId":")" + id +
                                        R"(","backupId":")" + kept.front() + R"("}})");
  ASSERT_EQ(restoring.status, 200) << restoring.text;
  const auto restored = wait_operation(daemon_, operation_of(restoring));
  EXPECT_EQ(restored.at("status"), "succeeded") << boost::json::serialize(restored);
  EXPECT_EQ(RedisClient(daemon_.port(), target.password).content(), content);
  EXPECT_EQ(daemon_.stop(), 0);
}

TEST_F(ScheduleSystemTest, ACloneIsWholeWhateverBecomesOfItsSource) {
  ASSERT_TRUE(daemon_.start());
  const std::string password = password_in(said({"database", "create", "shop"}));
  RedisClient client(daemon_.port(), password);
  ASSERT_TRUE(client.load(seeded_pairs("old", 3000, 200, 1)));
  const std::size_t before = client.content()->size();
  std::atomic<int> written = 0;
  std::jthread writer([&](const std::stop_token& stop) {
    RedisClient own(daemon_.port(), password);
    while (!stop.stop_requested()) {
      if (own.command({"SET", "n" + std::to_string(written), "x"}) != "OK") return;
      ++written;
    }
  });
  ASSERT_TRUE(wait_until([&] { return written > 100; }));
  const int first = written;
  const std::string made =
      said({"database", "create", "copy", "--from-database", "shop", "--wait"});
  const int last = written;
  EXPECT_GT(last, first) << "the source's clients wait for nothing";
  EXPECT_THAT(made, HasSubstr("holds what shop had"));
  const std::string copy_password = password_in(made);
  const auto copied = RedisClient(daemon_.port(), copy_password).content();
  ASSERT_TRUE(copied);
  const int there = static_cast<int>(copied->size() - before);
  EXPECT_GE(there, first);
  EXPECT_LE(there, last + 1);
  for (int number = 0; number < there; ++number)
    ASSERT_TRUE(copied->contains("n" + std::to_string(number))) << "one moment has no gaps";
  writer.request_stop();
  writer.join();

  said({"database", "create", "quiet", "--from-database", "shop", "--wait"});
  EXPECT_EQ(hash(id_of("quiet")), hash(id_of("shop")));
  const std::string source = id_of("shop");
  said({"database", "delete", "shop", "--confirm", "shop"});
  daemon_.kill();
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(RedisClient(daemon_.port(), copy_password).content(), copied);
  const HttpAnswer read = http(daemon_, "GET", "/v1/databases/" + id_of("copy"));
  EXPECT_EQ(read.at("data.source.type"), "database");
  EXPECT_EQ(read.at("data.source.databaseId"), source);
  EXPECT_EQ(ctl({"database", "create", "x", "--from-database", "nobody"}).status, 66);
  EXPECT_EQ(ctl({"database", "create", "x", "--wait"}).status, 64);
  EXPECT_EQ(daemon_.stop(), 0);
}

}  // namespace
}  // namespace restored::system_test
