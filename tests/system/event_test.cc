// Event streams of the real agent: over its restarts, from restorectl, and what many of them cost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "daemon_process.h"
#include "event_client.h"
#include "restored/limits.h"

namespace restored::system_test {
namespace {

using control::Event;
using control::EventClient;

// A figure of /proc/PID/status, in its own unit.
long process_figure(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  }
  return -1;
}

class EventSystemTest : public testing::Test {
 protected:
  // A restore whose content is nowhere but in the repository, at a rate that takes minutes; its
  // events' path.
  std::string slow_restore() {
    daemon_.configure("[control]\nclients_max = 2000\n");
    EXPECT_TRUE(daemon_.start());
    const TestDatabase source = create_database(daemon_, "source");
    {
      RedisClient client(daemon_.port(), source.password);
      std::string value(100'000, 'x');
      unsigned state = 17;
      for (char& c : value) c = static_cast<char>((state = state * 1103515245 + 12345) >> 16);
      for (int row = 0; row < 240; ++row) {
        std::string salted = value;
        for (std::size_t at = 0; at < salted.size(); ++at) {
          salted[at] = static_cast<char>(salted[at] ^ ((state = state * 1103515245 + 12345) >> 16));
        }
        EXPECT_EQ(client.command({"SET", "row" + std::to_string(row), salted}), "OK");
      }
    }
    const std::string backup = create_backup(daemon_, source.id);
    EXPECT_EQ(http(daemon_, "DELETE", "/v1/databases/" + source.id).status, 204);
    target_ = create_database(daemon_, "target").id;
    EXPECT_EQ(http(daemon_, "PATCH", "/v1/limits", R"({"bandwidthBytesPerSecond":65536})").status,
              200);
    const HttpAnswer accepted = http(daemon_, "POST", "/v1/databases/" + target_ + "/restore",
                                     R"({"source":{"type":"backup","databaseId":")" + source.id +
                                         R"(","backupId":")" + backup + R"("}})");
    EXPECT_EQ(accepted.status, 200) << accepted.text;
    return "/v1/operations/" + operation_of(accepted) + "/events";
  }
  EventClient follow(const std::string& path, const std::string& last_id = {}) const {
    return {"unix:" + daemon_.socket(), daemon_.token(), path,
            last_id.empty() ? "" : "Last-Event-ID: " + last_id + "\r\n"};
  }

  DaemonProcess daemon_;
  std::string target_;
};

TEST_F(EventSystemTest, AStreamGoesOnWhereItWasWhenTheAgentIsKilledOrStopped) {
  const std::string path = slow_restore();
  EventClient before = follow(path);
  std::optional<Event> seen = before.next();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->word("status"), "running");
  daemon_.kill();
  while (std::optional<Event> event = before.next()) seen = std::move(event);
  EXPECT_FALSE(before.over()) << "cut off";

  ASSERT_TRUE(daemon_.start());
  ASSERT_EQ(http(daemon_, "PATCH", "/v1/limits", R"({"bandwidthBytesPerSecond":65536})").status,
            200);
  EventClient after = follow(path, seen->id);
  seen = after.next();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->type, "state") << "there is one attempt more";
  EXPECT_EQ(seen->data.at("attempts").to_number<int>(), 2);

  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(daemon_.stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  while (std::optional<Event> event = after.next()) seen = std::move(event);
  EXPECT_TRUE(after.over()) << "a stop closes it";
  EXPECT_NE(seen->type, "end") << "but the operation goes on";

  ASSERT_TRUE(daemon_.start());  // without a limit
  EventClient last = follow(path, seen->id);
  const std::optional<Event> end = last.last();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->type, "end");
  EXPECT_EQ(end->word("status"), "succeeded") << boost::json::serialize(end->data);
  EXPECT_EQ(end->data.at("attempts").to_number<int>(), 3);
}

// Each holds a socket, a coroutine and one request: not a thread, and no more than 100 KiB.
TEST_F(EventSystemTest, FiveHundredIdleStreamsTakeLittleMemoryAndNoThreads) {
  constexpr std::size_t streams = 500;
  constexpr long bound_kib = 50l * 1024;
  const std::string path = slow_restore();
  EventClient first = follow(path);
  // Until the restore waits for its bandwidth: its own memory grows no more then.
  while (first.next(std::chrono::milliseconds(2500))) {
  }
  ASSERT_FALSE(first.over());
  const long before = process_figure(daemon_.pid(), "VmRSS");
  const long threads = process_figure(daemon_.pid(), "Threads");
  std::vector<std::unique_ptr<EventClient>> clients;
  for (std::size_t index = 0; index < streams; ++index) {
    clients.push_back(
        std::make_unique<EventClient>("unix:" + daemon_.socket(), daemon_.token(), path));
    ASSERT_TRUE(clients.back()->next()) << index;
  }
  const long after = process_figure(daemon_.pid(), "VmRSS");
  std::printf("%zu idle streams: %ld KiB resident before, %ld KiB with them: %ld KiB more\n",
              streams, before, after, after - before);
  EXPECT_LT(after - before, bound_kib);
  // The pools for requests start their threads when there is work.
  EXPECT_LE(process_figure(daemon_.pid(), "Threads"), threads + 3 * long{limits::http_workers});
  EXPECT_EQ(http(daemon_, "GET", "/healthz").status, 200);
  EXPECT_EQ(http(daemon_, "DELETE", path.substr(0, path.rfind('/'))).status, 202);
  for (const auto& client : clients) {
    const std::optional<Event> end = client->last();
    ASSERT_TRUE(end);
    EXPECT_EQ(end->type, "end");
    EXPECT_EQ(end->word("status"), "cancelled");
  }
}

}  // namespace
}  // namespace restored::system_test
