// What the Redis port serves is told as usage, also after a restart.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "daemon_process.h"
#include "support/wait_until.h"

namespace restored::system_test {
namespace {

TEST(UsageSystemTest, CommandsAreCountedByDatabaseAndOutliveAStop) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  const TestDatabase used = create_database(daemon, "used");
  const TestDatabase idle = create_database(daemon, "idle");
  const auto operations = [&](const std::string& id) {
    const HttpAnswer answer = http(daemon, "GET", "/v1/databases/" + id + "/usage");
    EXPECT_EQ(answer.status, 200) << answer.text;
    const boost::json::value* count = answer.find("metrics.operations.used");
    return count != nullptr ? count->to_number<std::int64_t>() : -1;
  };
  constexpr std::int64_t commands = 100;
  std::int64_t sent = 0;
  {
    RedisClient client(daemon.port(), used.password);
    ASSERT_TRUE(client.ok());
    for (; sent < commands; ++sent) {
      EXPECT_EQ(client.command({"SET", "key" + std::to_string(sent), "value"}), "OK");
    }
    EXPECT_EQ(client.command({"CONFIG", "RESETSTAT"}), "OK");
    // Those of the connection's begin, too; while it stays open.
    EXPECT_TRUE(test::wait_until([&] { return operations(used.id) > sent; }));
    EXPECT_EQ(client.command({"GET", "key1"}), "value");
  }
  EXPECT_EQ(operations(idle.id), 0);
  EXPECT_EQ(daemon.stop(), 0);
  ASSERT_TRUE(daemon.start());
  EXPECT_GE(operations(used.id), sent + 2) << "with what was served just before the stop";
  EXPECT_LE(operations(used.id), sent + 10);
  EXPECT_EQ(operations(idle.id), 0);
}

}  // namespace
}  // namespace restored::system_test
