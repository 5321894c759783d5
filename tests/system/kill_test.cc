// SIGKILL of the real agent at every named step, then start again: each database holds one whole
// content, what was acknowledged is there, and operations went on or ended with their reason.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <functional>
#include <set>

#include "base/kill_point.h"
#include "daemon_process.h"
#include "support/wait_until.h"

namespace restored::system_test {
namespace {

namespace fs = std::filesystem;
using Content = std::map<std::string, std::string>;

std::string text(const boost::json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

constexpr const char* held_step = "held restore";

class KillTest : public ::testing::TestWithParam<std::string_view> {
 protected:
  // One thing that a client does, and what the target's content may be when it was cut off.
  struct Step {
    std::string name;
    std::function<void()> act;
    Content after;
  };

  void SetUp() override {
    ASSERT_TRUE(daemon_.start());
    source_ = create_database(daemon_, "source");
    target_ = create_database(daemon_, "target");
    RedisClient from(daemon_.port(), source_.password);
    ASSERT_TRUE(from.load(seeded_pairs("key:", 3000, 200, 41)));
    new_ = from.content().value();
    RedisClient to(daemon_.port(), target_.password);
    ASSERT_TRUE(to.load(seeded_pairs("old:", 1500, 100, 42)));
    old_ = to.content().value();
    backup_ = create_backup(daemon_, source_.id);
    ASSERT_FALSE(backup_.empty());
    ASSERT_EQ(daemon_.stop(), 0);
  }

  std::vector<Step> steps() {
    const std::string path = "/v1/databases/" + target_.id;
    const std::string body = R"({"source":{"type":"backup","databaseId":")" + source_.id +
                             R"(","backupId":")" + backup_ + R"("}})";
    const auto finish = [this](const HttpAnswer& answer) {
      const std::string operation = operation_of(answer);
      if (!operation.empty()) wait_operation(daemon_, operation);
    };
    return {
        {"restore", [=, this] { finish(http(daemon_, "POST", path + "/restore", body)); }, new_},
        {"first undo", [=, this] { finish(http(daemon_, "POST", path + "/restore/undo")); }, old_},
        {held_step, [=, this] { restore_in_two_phases(path, body); }, new_},
        {"undo", [=, this] { finish(http(daemon_, "POST", path + "/restore/undo")); }, old_},
        {"backup", [=, this] { finish(http(daemon_, "POST", path + "/backups", "{}")); }, old_},
        {"keyed backup", [=, this] { finish(keyed_backup()); }, old_},
        {"restore again", [=, this] { finish(http(daemon_, "POST", path + "/restore", body)); },
         new_},
        {"create", [this] { extra_ = create_database(daemon_, "third").id; }, new_},
        {"clone", [this] { finish_clone(); }, new_},
        {"verify",
         [=, this] { finish(http(daemon_, "POST", path + "/backups/" + backup_ + "/verify")); },
         new_},
        {"remove", [this] { http(daemon_, "DELETE", "/v1/databases/" + extra_); }, new_},
        {"flush", [this] { RedisClient(daemon_.port(), target_.password).command({"FLUSHALL"}); },
         Content{}},
    };
  }

  // Acts until the agent dies; what the target may hold then.
  std::vector<Content> act_until_killed() {
    std::vector<Content> allowed = {old_};
    for (const Step& step : steps()) {
      const Content before = allowed.back();
      step.act();
      allowed = {before, step.after};
      if (dead()) {
        last_step_ = step.name;
        return allowed;
      }
      allowed = {step.after};
    }
    return {};
  }

  void finish_clone() {
    const HttpAnswer made =
        http(daemon_, "POST", "/v1/databases",
             R"({"name":"clone","source":{"type":"database","databaseId":")" + target_.id + "\"}}");
    const std::string operation = operation_of(made);
    if (operation.empty()) return;
    wait_operation(daemon_, operation);
    http(daemon_, "DELETE", "/v1/databases/" + created_database(made).id);
  }
  void restore_in_two_phases(const std::string& path, const std::string& body) {
    const HttpAnswer begun = http(daemon_, "POST", path + "/restore", body, {"Prefer: hold=stage"});
    const std::string id = operation_of(begun);
    if (id.empty()) return;
    commit_when_staged(id);
    wait_operation(daemon_, id);
  }
  bool comes_to_stage(const std::string& id) {
    bool staged = false;
    test::wait_until([&] {
      const HttpAnswer shown = http(daemon_, "GET", "/v1/operations/" + id);
      staged = shown.at("data.phase") == "staged";
      return staged || shown.at("data.status") != "running";
    });
    return staged;
  }
  void commit_when_staged(const std::string& id) {
    if (!comes_to_stage(id)) return;
    commit_sent_ = true;
    http(daemon_, "POST", "/v1/operations/" + id + "/commit");
  }

  // An agent that does not answer is dead or dying.
  bool dead() {
    if (http(daemon_, "GET", "/healthz").status == 200) return false;
    return daemon_.wait_exit(std::chrono::seconds(30)).has_value();
  }

  // Retirement is nobody's request: it comes when the undo time of a restore is over.
  std::vector<Content> retire_until_killed() {
    last_step_ = "retirement";
    steps().front().act();
    if (!dead() && !daemon_.wait_exit(std::chrono::seconds(60))) return {};
    return {new_};
  }

  // Nor is a scheduled backup.
  std::vector<Content> back_up_until_killed() {
    last_step_ = "scheduled backup";
    http(daemon_, "PATCH", "/v1/databases/" + target_.id + "/schedule", R"({"daily":true})");
    if (!dead() && !daemon_.wait_exit(std::chrono::seconds(90))) return {};
    return {old_};
  }

  // Each run made one backup, or one more.
  void expect_scheduled_backups() {
    const HttpAnswer schedule = http(daemon_, "GET", "/v1/databases/" + target_.id + "/schedule");
    ASSERT_EQ(schedule.status, 200) << schedule.text;
    EXPECT_TRUE(schedule.find("data.enabled")->as_bool());
    const HttpAnswer list =
        http(daemon_, "GET", "/v1/databases/" + target_.id + "/backups?limit=100");
    const boost::json::value* data = list.find("data");
    ASSERT_TRUE(data != nullptr && data->is_array()) << list.text;
    EXPECT_GE(data->get_array().size(), 1u);
    EXPECT_LE(data->get_array().size(), 3u) << list.text;
    for (const auto& item : data->get_array())
      EXPECT_EQ(text(item.get_object(), "status"), "completed") << list.text;
  }

  void expect_nothing_left_over() {
    for (const auto& entry : fs::recursive_directory_iterator(daemon_.state())) {
      const std::string path = entry.path().string();
      if (!entry.is_regular_file()) continue;
      EXPECT_EQ(path.find("/staging/"), std::string::npos) << path;
      EXPECT_EQ(path.find("/export"), std::string::npos) << path;
    }
  }

  HttpAnswer keyed_backup() {
    return http(daemon_, "POST", "/v1/databases/" + target_.id + "/backups", R"({"name":"keyed"})",
                {"Idempotency-Key: one"});
  }

  // Whenever the agent died: the request that it died in, sent again, has made one backup.
  void expect_one_keyed_backup() {
    const HttpAnswer again = keyed_backup();
    ASSERT_EQ(again.status, 201) << again.text;
    wait_operation(daemon_, operation_of(again));
    const HttpAnswer once_more = keyed_backup();
    EXPECT_EQ(once_more.text, again.text);
    EXPECT_EQ(once_more.headers.count("idempotency-replayed"), 1u);
    const HttpAnswer list =
        http(daemon_, "GET", "/v1/operations?kind=backup&databaseId=" + target_.id);
    const boost::json::value* data = list.find("data");
    ASSERT_TRUE(data != nullptr && data->is_array()) << list.text;
    EXPECT_EQ(data->get_array().size(), 2u) << "it, and the one without a key: " << list.text;
  }

  // What the agent died in is on record, and that nothing is known of its end.
  void expect_a_request_without_an_end() {
    const HttpAnswer page = http(daemon_, "GET", "/v1/audit?limit=1000");
    const boost::json::value* data = page.find("data");
    ASSERT_TRUE(data != nullptr && data->is_array()) << page.text;
    const auto open = std::ranges::count_if(data->get_array(), [](const auto& entry) {
      return entry.at("event") == "request" && entry.at("endedAt").is_null();
    });
    EXPECT_EQ(open, 1) << page.text;
  }

  void expect_operations_ended() {
    const HttpAnswer list = http(daemon_, "GET", "/v1/operations");
    ASSERT_EQ(list.status, 200) << list.text;
    const boost::json::value* data = list.find("data");
    ASSERT_TRUE(data != nullptr && data->is_array()) << list.text;
    for (const auto& entry : data->get_array()) {
      const std::string id = text(entry.get_object(), "id");
      const bool goes_on = text(entry.get_object(), "status") == "running" &&
                           text(entry.get_object(), "kind") == "restore";
      if (goes_on && last_step_ == held_step && !commit_sent_) {
        EXPECT_TRUE(comes_to_stage(id)) << "nobody has committed it";
        EXPECT_EQ(RedisClient(daemon_.port(), target_.password).content(), old_);
      }
      // One that was cut off before its commit holds again; whether it was committed is its
      // record's to tell.
      commit_when_staged(id);
      const auto ended = wait_operation(daemon_, id);
      const std::string status = text(ended, "status");
      EXPECT_TRUE(status == "succeeded" || status == "failed") << boost::json::serialize(ended);
      if (status != "failed") continue;
      const auto* error = ended.if_contains("error");
      EXPECT_TRUE(error != nullptr && error->is_object()) << boost::json::serialize(ended);
    }
  }

  DaemonProcess daemon_;
  TestDatabase source_;
  TestDatabase target_;
  std::string backup_;
  std::string last_step_;
  bool commit_sent_ = false;
  std::string extra_;
  Content new_;
  Content old_;
};

TEST_P(KillTest, LeavesOldOrNewContentAndNothingElse) {
  daemon_.set_environment("RESTORED_KILL_POINT", std::string(GetParam()));
  const bool retires = GetParam().starts_with("catalog.retire.");
  if (retires) daemon_.configure("[engine]\nundo_time = \"1s\"\n");
  const bool by_schedule = GetParam().starts_with("schedule.");
  if (by_schedule) {
    daemon_.configure(
        "[backups]\nevery = \"10s\"\nspread = \"0s\"\nkeep_days = 0\nkeep_count = 1\n");
  }
  daemon_.launch();
  std::vector<Content> allowed;
  if (daemon_.wait_ready(std::chrono::seconds(60))) {
    allowed = by_schedule ? back_up_until_killed()
              : retires   ? retire_until_killed()
                          : act_until_killed();
    if (allowed.empty()) {
      // The last place to reach is on the way out.
      allowed = {Content{}};
      const int status = daemon_.stop();
      ASSERT_EQ(status, -1) << "no step of this test passes " << GetParam();
    }
  } else {
    allowed = {old_};  // it died while it started
  }

  daemon_.set_environment("RESTORED_KILL_POINT", "");
  if (by_schedule) daemon_.configure("");  // daily: nothing is due now
  ASSERT_TRUE(daemon_.start());
  expect_operations_ended();
  if (by_schedule) expect_scheduled_backups();
  for (int restart = 0; restart < 2; ++restart) {
    RedisClient client(daemon_.port(), target_.password);
    ASSERT_TRUE(client.ok()) << "credentials survive";
    const auto content = client.content();
    ASSERT_TRUE(content.has_value());
    EXPECT_TRUE(std::ranges::find(allowed, *content) != allowed.end())
        << GetParam() << " during " << last_step_ << ": " << content->size()
        << " keys, neither the old content nor the new";
    EXPECT_EQ(http(daemon_, "GET", "/v1/databases/" + target_.id).at("data.status"), "ready");
    expect_nothing_left_over();
    EXPECT_EQ(RedisClient(daemon_.port(), source_.password).content(), new_);
    if (restart > 0) break;
    ASSERT_EQ(daemon_.stop(), 0);
    ASSERT_TRUE(daemon_.start());
  }
  if (GetParam().starts_with("control.request.")) expect_one_keyed_backup();
  if (GetParam().starts_with("control.audit.")) expect_a_request_without_an_end();
  // And the host can go on: one more restore, whole.
  const std::string body = R"({"source":{"type":"backup","databaseId":")" + source_.id +
                           R"(","backupId":")" + backup_ + R"("}})";
  const auto answer = http(daemon_, "POST", "/v1/databases/" + target_.id + "/restore", body);
  ASSERT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(text(wait_operation(daemon_, operation_of(answer)), "status"), "succeeded");
  EXPECT_EQ(RedisClient(daemon_.port(), target_.password).content(), new_);
  EXPECT_EQ(daemon_.stop(), 0);
}

// Those of the agent itself are start_test.cc's.
std::vector<std::string_view> steps_of_the_engine() {
  std::vector<std::string_view> names(kill_points().begin(), kill_points().end());
  std::erase_if(names, [](std::string_view name) { return name.starts_with("agent."); });
  return names;
}

INSTANTIATE_TEST_SUITE_P(AtEveryNamedStep, KillTest, ::testing::ValuesIn(steps_of_the_engine()),
                         [](const auto& name) {
                           std::string word(name.param);
                           for (char& c : word) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return word;
                         });

}  // namespace
}  // namespace restored::system_test
