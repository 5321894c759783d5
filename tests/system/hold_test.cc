// A restore in two phases, and the operator's programs, with the real agent: kills, stops, clients.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>

#include "../hook/scripts.h"
#include "daemon_process.h"

namespace restored::system_test {
namespace {

std::string text(const boost::json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

class HoldSystemTest : public ::testing::Test {
 protected:
  void make_history() {
    database_ = create_database(daemon_, "shop");
    RedisClient client(daemon_.port(), database_.password);
    ASSERT_TRUE(client.load(seeded_pairs("key:", 3000, 200, 51)));
    then_ = client.content().value();
    backup_ = create_backup(daemon_, database_.id);
    ASSERT_FALSE(backup_.empty());
    ASSERT_EQ(client.command({"FLUSHALL"}), "OK");
    ASSERT_TRUE(client.load(seeded_pairs("now:", 500, 100, 52)));
    now_ = client.content().value();
  }
  HttpAnswer begin(const std::vector<std::string>& headers = {}) {
    return http(daemon_, "POST", "/v1/databases/" + database_.id + "/restore",
                R"({"source":{"type":"backup","databaseId":")" + database_.id +
                    R"(","backupId":")" + backup_ + R"("}})",
                headers);
  }
  HttpAnswer show(const std::string& id) { return http(daemon_, "GET", "/v1/operations/" + id); }
  bool is_staged(const std::string& id) {
    return test::wait_until([&] { return show(id).at("data.phase") == "staged"; });
  }
  std::map<std::string, std::string> content() {
    return RedisClient(daemon_.port(), database_.password)
        .content()
        .value_or(std::map<std::string, std::string>{});
  }
  int group() const { return test::written_number(directory_.file("pid")); }

  const test::TemporaryDirectory directory_;
  DaemonProcess daemon_;
  TestDatabase database_;
  std::string backup_;
  std::map<std::string, std::string> then_;
  std::map<std::string, std::string> now_;
};

TEST_F(HoldSystemTest, KilledWhileItHoldsItHoldsAgainAndTheOldDataServes) {
  ASSERT_TRUE(daemon_.start());
  make_history();
  const HttpAnswer accepted = begin({"Prefer: respond-async", "Prefer: hold=stage"});
  ASSERT_EQ(accepted.status, 202) << accepted.text;
  EXPECT_EQ(accepted.headers.at("preference-applied"), "hold=stage, respond-async");
  EXPECT_EQ(accepted.headers.at("location"), accepted.headers.at("operation-location"));
  const std::string id = operation_of(accepted);
  ASSERT_TRUE(is_staged(id));
  const std::string until = show(id).at("data.heldUntil");
  ASSERT_FALSE(until.empty());
  for (int round = 0; round < 2; ++round) {
    daemon_.kill();
    ASSERT_TRUE(daemon_.start());
    ASSERT_TRUE(is_staged(id)) << show(id).text;
    EXPECT_EQ(show(id).at("data.heldUntil"), until);
    EXPECT_EQ(content(), now_);
  }
  RedisClient client(daemon_.port(), database_.password);
  EXPECT_EQ(client.command({"SET", "written", "while it is held"}), "OK");
  EXPECT_EQ(http(daemon_, "GET", "/v1/databases/" + database_.id).at("data.status"), "recovering");
  const HttpAnswer committed = http(daemon_, "POST", "/v1/operations/" + id + "/commit");
  ASSERT_EQ(committed.status, 200) << committed.text;
  EXPECT_EQ(text(wait_operation(daemon_, id), "status"), "succeeded");
  EXPECT_EQ(client.content(), then_) << "on the connection that was there before";
  EXPECT_EQ(daemon_.stop(), 0);
}

TEST_F(HoldSystemTest, WithoutACommitItExpiresAndLeavesNothing) {
  daemon_.configure("[engine]\nhold_time = \"1s\"\n");
  ASSERT_TRUE(daemon_.start());
  make_history();
  const std::string id = operation_of(begin({"Prefer: hold=stage"}));
  const boost::json::object ended = wait_operation(daemon_, id);
  EXPECT_EQ(text(ended, "status"), "failed");
  EXPECT_EQ(text(ended.at("error").as_object(), "code"), "stage-expired");
  EXPECT_EQ(content(), now_);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(daemon_.state())) {
    if (entry.is_regular_file()) {
      EXPECT_EQ(entry.path().string().find("/staging/"), std::string::npos) << entry.path();
    }
  }
  EXPECT_EQ(text(wait_operation(daemon_, operation_of(begin())), "status"), "succeeded");
}

TEST_F(HoldSystemTest, AHookHasNothingOfTheAgentsAndItsVetoCounts) {
  const std::string seen = directory_.file("seen");
  const std::string hook = test::write_script(
      directory_, "before",
      "{ /usr/bin/env; ls -l /proc/self/fd; cat; } > " + seen + "; echo not today; exit 9");
  daemon_.set_environment("RESTORED_TEST_SECRET", "inherited");
  daemon_.configure("[hooks]\nbefore_swap = \"" + hook + "\"\n");
  ASSERT_TRUE(daemon_.start());
  make_history();
  const boost::json::object ended = wait_operation(daemon_, operation_of(begin()));
  EXPECT_EQ(text(ended, "status"), "failed");
  EXPECT_EQ(text(ended.at("error").as_object(), "code"), "vetoed-by-hook");
  const boost::json::object& result = ended.at("hooks").at(0).as_object();
  EXPECT_EQ(result.at("exitStatus"), 9);
  EXPECT_EQ(text(result, "output"), "not today");
  EXPECT_EQ(content(), now_);
  const std::string told = test::read_whole_file(seen);
  EXPECT_NE(told.find("RESTORED_HOOK=before_swap\n"), std::string::npos) << told;
  EXPECT_EQ(told.find("RESTORED_TEST_SECRET"), std::string::npos) << told;
  EXPECT_EQ(told.find("socket:"), std::string::npos) << told;
  EXPECT_EQ(told.find(daemon_.state()), std::string::npos) << told;
  EXPECT_NE(told.find(R"("event":"before_swap","id":")" + text(ended, "id")), std::string::npos);
}

TEST_F(HoldSystemTest, AStopKillsAHookAndTheRestoreGoesOnAfterwards) {
  const std::string again = directory_.file("again");
  const std::string hook = test::write_script(
      directory_, "before",
      "[ -e " + again + " ] && exit 0\necho $$ > " + directory_.file("pid") + "\nsleep 300");
  daemon_.configure("[hooks]\nbefore_swap = \"" + hook + "\"\ntimeout_seconds = 600\n");
  ASSERT_TRUE(daemon_.start());
  make_history();
  const std::string id = operation_of(begin());
  ASSERT_TRUE(test::wait_until([&] { return group() != 0; }));
  EXPECT_EQ(content(), now_);
  EXPECT_EQ(daemon_.stop(), 0);
  EXPECT_TRUE(test::is_gone(group()));
  test::write_file(again, "");
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(text(wait_operation(daemon_, id), "status"), "succeeded");
  EXPECT_EQ(content(), then_);
}

TEST_F(HoldSystemTest, AHookThatEverybodyMayWriteToIsRefusedAtTheStart) {
  const std::string hook = test::write_script(directory_, "failed", "exit 0");
  ::chmod(hook.c_str(), 0707);
  daemon_.configure("[hooks]\nfailed = \"" + hook + "\"\n");
  daemon_.launch();
  const auto status = daemon_.wait_exit(std::chrono::seconds(30));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(WEXITSTATUS(*status), 78);
  EXPECT_NE(daemon_.log().find("hooks.failed"), std::string::npos) << daemon_.log();
}

}  // namespace
}  // namespace restored::system_test
