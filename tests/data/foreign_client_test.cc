// Clients that we did not write: redis-cli and hiredis.
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

#include "served_engine.h"

namespace restored::test {
namespace {

// Standard output of a shell command; `input` is a file.
std::string run(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t got = ::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    output.append(buffer.data(), got);
  }
  return output;
}

class ForeignClientTest : public ::testing::Test {
 protected:
  std::string cli(const std::string& arguments) {
    return run("timeout 30 redis-cli -p " + std::to_string(served_.port()) +
               " --no-auth-warning -a " + served_.password() + " " + arguments + " 2>&1");
  }
  ServedEngine served_;
};

TEST_F(ForeignClientTest, RedisCliSpeaksBothProtocols) {
  for (const std::string protocol : {"-2 ", "-3 "}) {
    EXPECT_EQ(cli(protocol + "SET a 'x y'"), "OK\n");
    EXPECT_EQ(cli(protocol + "GET a"), "x y\n");
    EXPECT_EQ(cli(protocol + "INCR n"), protocol == "-2 " ? "1\n" : "2\n");
    EXPECT_EQ(cli(protocol + "GET nokey"), "\n");
  }
  EXPECT_EQ(cli("--user default PING"), "PONG\n");
  EXPECT_NE(cli("INFO restore").find("generation:"), std::string::npos);
}

TEST_F(ForeignClientTest, RedisCliPipeLoadsAndScanFindsAll) {
  constexpr int records = 5'000;
  const std::string file = served_.path("load");
  {
    std::ofstream load(file);
    for (int i = 0; i < records; ++i) {
      load << encode_request({"SET", "record:" + std::to_string(i), std::string(100, 'v')});
    }
  }
  const std::string loaded = cli("--pipe < " + file);
  EXPECT_NE(loaded.find("errors: 0, replies: 5000"), std::string::npos) << loaded;
  EXPECT_EQ(cli("DBSIZE"), "5000\n");
  EXPECT_EQ(cli("--scan --pattern 'record:*' | sort -u | wc -l"), "5000\n");
  EXPECT_EQ(cli("--scan --pattern 'record:1?' | sort | tr '\\n' ' '"),
            "record:10 record:11 record:12 record:13 record:14 record:15 record:16 record:17 "
            "record:18 record:19 ");
}

TEST_F(ForeignClientTest, RedisBenchmarkRuns) {
  const std::string output =
      run("timeout 60 redis-benchmark -p " + std::to_string(served_.port()) + " -a " +
          served_.password() + " -t set,get,incr,mset -n 2000 -c 10 -P 4 -q 2>&1");
  EXPECT_NE(output.find("GET:"), std::string::npos) << output;
  EXPECT_EQ(output.find("ERR"), std::string::npos) << output;
}

TEST_F(ForeignClientTest, HiredisPipelinesAndReadsAllKinds) {
  const auto free_context = [](redisContext* context) { redisFree(context); };
  const std::unique_ptr<redisContext, decltype(free_context)> context(
      redisConnect("127.0.0.1", served_.port()), free_context);
  ASSERT_EQ(context->err, 0) << context->errstr;
  const auto call = [&](const char* format, auto... arguments) {
    auto* reply = static_cast<redisReply*>(redisCommand(context.get(), format, arguments...));
    EXPECT_NE(reply, nullptr);
    return std::unique_ptr<redisReply, void (*)(void*)>(reply, freeReplyObject);
  };
  EXPECT_EQ(call("AUTH %s", served_.password().c_str())->type, REDIS_REPLY_STATUS);
  const std::string binary("\0\r\n\xff", 4);
  EXPECT_EQ(call("SET %b %b", binary.data(), binary.size(), binary.data(), binary.size())->type,
            REDIS_REPLY_STATUS);
  const auto value = call("GET %b", binary.data(), binary.size());
  EXPECT_EQ(std::string(value->str, value->len), binary);
  for (int i = 0; i < 1000; ++i) redisAppendCommand(context.get(), "INCR counter");
  for (int i = 1; i <= 1000; ++i) {
    void* reply = nullptr;
    ASSERT_EQ(redisGetReply(context.get(), &reply), REDIS_OK);
    EXPECT_EQ(static_cast<redisReply*>(reply)->integer, i);
    freeReplyObject(reply);
  }
  EXPECT_EQ(call("MULTI")->type, REDIS_REPLY_STATUS);
  EXPECT_EQ(call("GET counter")->type, REDIS_REPLY_STATUS);
  const auto result = call("EXEC");
  ASSERT_EQ(result->elements, 1u);
  EXPECT_STREQ(result->element[0]->str, "1000");
}

}  // namespace
}  // namespace restored::test
