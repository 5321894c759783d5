// The main job, through the real agent and clients that are not ours.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>
#include <thread>

#include "daemon_process.h"

namespace restored::system_test {
namespace {

using Content = std::map<std::string, std::string>;

Content content_of(const DaemonProcess& daemon, const std::string& password) {
  RedisClient client(daemon.port(), password);
  auto content = client.content();
  EXPECT_TRUE(content.has_value());
  return content.value_or(Content{});
}

std::string text(const boost::json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

TEST(RestoreSystemTest, OpenConnectionsSeeExactlyTheBackupAndUndoTakesItBack) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  const TestDatabase database = create_database(daemon, "shop");
  ASSERT_FALSE(database.password.empty());

  RedisClient first(daemon.port(), database.password);
  RedisClient second(daemon.port(), database.password);
  ASSERT_TRUE(first.load(seeded_pairs("key:", 2000, 300, 1)));
  const Content before = content_of(daemon, database.password);
  ASSERT_EQ(before.size(), 2000u);

  const std::string backup = create_backup(daemon, database.id);
  ASSERT_FALSE(backup.empty());

  ASSERT_TRUE(first.load(seeded_pairs("key:", 500, 100, 2)));
  ASSERT_TRUE(first.load(seeded_pairs("new:", 300, 100, 3)));
  EXPECT_EQ(second.command({"DEL", "key:1999", "key:1998"}), "(integer) 2");
  const Content changed = content_of(daemon, database.password);
  ASSERT_NE(changed, before);

  const boost::json::object ended = restore(daemon, database.id, backup);
  ASSERT_EQ(text(ended, "status"), "succeeded") << boost::json::serialize(ended);
  EXPECT_EQ(first.content(), before);
  EXPECT_EQ(second.command({"GET", "key:1999"}), before.at("key:1999"));
  EXPECT_EQ(content_of(daemon, database.password), before) << "the old password still works";

  const HttpAnswer undo = http(daemon, "POST", "/v1/databases/" + database.id + "/restore/undo");
  ASSERT_EQ(undo.status, 200) << undo.text;
  EXPECT_EQ(text(wait_operation(daemon, operation_of(undo)), "status"), "succeeded");
  EXPECT_EQ(first.content(), changed);
  EXPECT_EQ(second.content(), changed);
}

TEST(RestoreSystemTest, RestoredDatabaseSurvivesACleanStopAndAKill) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  const TestDatabase database = create_database(daemon, "shop");
  {
    RedisClient client(daemon.port(), database.password);
    ASSERT_TRUE(client.load(seeded_pairs("key:", 3000, 200, 7)));
  }
  const Content before = content_of(daemon, database.password);
  const std::string backup = create_backup(daemon, database.id);
  {
    RedisClient client(daemon.port(), database.password);
    EXPECT_EQ(client.command({"FLUSHALL"}), "OK");
  }
  ASSERT_EQ(text(restore(daemon, database.id, backup), "status"), "succeeded");

  ASSERT_EQ(daemon.stop(), 0);
  ASSERT_TRUE(daemon.start());
  EXPECT_EQ(content_of(daemon, database.password), before);
  {
    RedisClient client(daemon.port(), database.password);
    EXPECT_EQ(client.command({"SET", "after", "the restart"}), "OK");
  }
  daemon.kill();
  ASSERT_TRUE(daemon.start());
  Content with_write = before;
  with_write["after"] = "the restart";
  EXPECT_EQ(content_of(daemon, database.password), with_write);
  ASSERT_EQ(daemon.stop(), 0);
}

TEST(RestoreSystemTest, StockZstdDecodesEveryObjectToAFileOfTheDatabase) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  const TestDatabase database = create_database(daemon, "shop");
  RedisClient client(daemon.port(), database.password);
  ASSERT_TRUE(client.load(seeded_pairs("key:", 4000, 400, 11)));
  ASSERT_FALSE(create_backup(daemon, database.id).empty());

  const auto read = [](const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  std::set<std::string> tables;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(daemon.state())) {
    if (entry.path().extension() == ".sst") tables.insert(read(entry.path()));
  }
  std::size_t objects = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(daemon.repository() + "/objects")) {
    if (!entry.is_regular_file()) continue;
    ++objects;
    const std::string decoded = daemon.state() + "/decoded";
    const std::string command =
        "zstd -q -d -f < '" + entry.path().string() + "' > '" + decoded + "'";
    ASSERT_EQ(std::system(command.c_str()), 0) << entry.path();
    EXPECT_TRUE(tables.contains(read(decoded))) << entry.path();
  }
  EXPECT_GT(objects, 0u);
}

// Clients on lasting connections that read and write throughout, and what went wrong for them.
class Load {
 public:
  static constexpr int marks = 40;

  Load(const DaemonProcess& daemon, const std::string& password, int clients) {
    for (int i = 0; i < clients; ++i) {
      threads_.emplace_back([this, &daemon, password, i](std::stop_token stop) {
        i % 2 == 0 ? read(daemon, password, stop) : write(daemon, password, i, stop);
      });
    }
  }

  // Ends the clients; an empty text when none of them saw an error or a mix.
  std::string finish() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
    return trouble_;
  }
  std::size_t rounds() const { return rounds_; }

 private:
  void complain(const std::string& what) {
    const std::scoped_lock lock(mutex_);
    if (trouble_.empty()) trouble_ = what;
  }

  void read(const DaemonProcess& daemon, const std::string& password, std::stop_token stop) {
    RedisClient client(daemon.port(), password);
    std::vector<std::string> request = {"MGET"};
    for (int i = 0; i < marks; ++i) request.push_back("mark:" + std::to_string(i));
    while (!stop.stop_requested()) {
      const std::string reply = client.command(request);
      const std::string one = reply.substr(0, reply.find('\n'));
      std::string expected = one;
      for (int i = 1; i < marks; ++i) expected += "\n" + one;
      if (reply != expected || (one != "old" && one != "new")) complain("a mix: " + reply);
      ++rounds_;
    }
  }

  void write(const DaemonProcess& daemon, const std::string& password, int number,
             std::stop_token stop) {
    RedisClient client(daemon.port(), password);
    const std::string counter = "counter:" + std::to_string(number);
    long last = 0;
    int resets = 0;
    while (!stop.stop_requested()) {
      const std::string reply = client.command({"INCR", counter});
      if (!reply.starts_with("(integer) ")) {
        complain("INCR: " + reply);
        return;
      }
      const long value = std::stol(reply.substr(10));
      // Three restores and three undos may each set the counter back or forward once.
      if (value != last + 1 && ++resets > 6) complain("INCR lost its count more than six times");
      last = value;
      const std::string many = client.command({"GET", counter});
      if (many.starts_with("(error)") || many.starts_with("(disconnected)")) complain(many);
      ++rounds_;
    }
  }

  std::mutex mutex_;
  std::string trouble_;
  std::atomic<std::size_t> rounds_{0};
  std::vector<std::jthread> threads_;
};

TEST(RestoreSystemTest, ClientsUnderLoadSeeOldOrNewAndNeverAnError) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  const TestDatabase database = create_database(daemon, "shop");
  RedisClient client(daemon.port(), database.password);
  std::vector<std::string> set_new = {"MSET"};
  std::vector<std::string> set_old = {"MSET"};
  for (int i = 0; i < Load::marks; ++i) {
    for (auto* request : {&set_new, &set_old}) {
      request->push_back("mark:" + std::to_string(i));
      request->push_back(request == &set_new ? "new" : "old");
    }
  }
  ASSERT_EQ(client.command(set_new), "OK");
  ASSERT_TRUE(client.load(seeded_pairs("key:", 20000, 500, 5)));
  const std::string backup = create_backup(daemon, database.id);
  ASSERT_FALSE(backup.empty());
  ASSERT_EQ(client.command(set_old), "OK");

  Load load(daemon, database.password, 6);
  for (int round = 0; round < 3; ++round) {
    const boost::json::object ended = restore(daemon, database.id, backup);
    ASSERT_EQ(text(ended, "status"), "succeeded") << boost::json::serialize(ended);
    EXPECT_EQ(client.command({"GET", "mark:7"}), "new");
    const HttpAnswer undo = http(daemon, "POST", "/v1/databases/" + database.id + "/restore/undo");
    ASSERT_EQ(undo.status, 200) << undo.text;
    ASSERT_EQ(text(wait_operation(daemon, operation_of(undo)), "status"), "succeeded");
    EXPECT_EQ(client.command({"GET", "mark:7"}), "old");
  }
  EXPECT_EQ(load.finish(), "");
  EXPECT_GT(load.rounds(), 100u);
}

TEST(RestoreSystemTest, RacingRestoresNeverOverlap) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  const TestDatabase database = create_database(daemon, "shop");
  RedisClient client(daemon.port(), database.password);
  ASSERT_TRUE(client.load(seeded_pairs("key:", 20000, 1000, 9)));
  const std::string backup = create_backup(daemon, database.id);
  ASSERT_EQ(client.command({"FLUSHALL"}), "OK");  // so that nothing can be reused at once

  const std::string body = R"({"source":{"type":"backup","databaseId":")" + database.id +
                           R"(","backupId":")" + backup + R"("}})";
  std::array<HttpAnswer, 4> answers;
  {
    std::vector<std::jthread> racers;
    for (HttpAnswer& answer : answers) {
      racers.emplace_back([&] {
        answer = http(daemon, "POST", "/v1/databases/" + database.id + "/restore", body);
      });
    }
  }
  // A racer that comes after the first restore's end is accepted too: then they must not overlap.
  std::vector<std::pair<std::string, std::string>> accepted;
  for (const HttpAnswer& answer : answers) {
    if (answer.status == 200) {
      EXPECT_EQ(answer.at("data.status"), "recovering");
      const boost::json::object ended = wait_operation(daemon, operation_of(answer));
      EXPECT_EQ(text(ended, "status"), "succeeded");
      accepted.emplace_back(text(ended, "createdAt"), text(ended, "endedAt"));
    } else {
      EXPECT_EQ(answer.status, 409) << answer.text;
      EXPECT_EQ(answer.at("error.code"), "database-recovering");
      EXPECT_TRUE(answer.headers.contains("retry-after"));
    }
  }
  ASSERT_FALSE(accepted.empty());
  std::ranges::sort(accepted);
  for (std::size_t i = 1; i < accepted.size(); ++i) {
    EXPECT_GE(accepted[i].first, accepted[i - 1].second);
  }
}

}  // namespace
}  // namespace restored::system_test
