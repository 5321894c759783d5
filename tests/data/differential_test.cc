// Every reply equal to redis-server's, byte for byte, but for what cannot be: times that pass, and
// the order of sets.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "command_corpus.h"
#include "data/resp_parser.h"
#include "redis_server.h"
#include "resp_value.h"
#include "served_engine.h"

namespace restored::test {
namespace {

// Both servers, one connection (or more) to each, spoken to in step.
class DifferentialTest : public ::testing::Test {
 protected:
  struct Pair {
    RawClient redis;
    RawClient ours;
  };

  Pair connect() { return {RawClient(redis_.port()), served_.client()}; }
  static void expect_same(const Words& words, std::string redis, std::string ours);

  RedisServer redis_;
  ServedEngine served_;
};

Words split(std::string_view line) {
  data::RequestParser parser;
  const std::string text = std::string(line) + "\n";
  EXPECT_EQ(parser.parse(text), data::RequestParser::Status::request);
  return {parser.arguments().begin(), parser.arguments().end()};
}

bool is(const Words& words, std::initializer_list<std::string_view> names) {
  std::string name = words.empty() ? "" : words[0];
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string describe(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += word.substr(0, 40) + " ";
  return text;
}

// Inside EXEC the keys that KEYS found have no order either, so nested sets are sorted as well.
RespValue deep_sorted(RespValue value) {
  for (RespValue& child : value.children) child = deep_sorted(child);
  return sorted(std::move(value));
}

// HELLO tells the number of the connection, which is not ours to choose.
void hide_client_id(std::string& reply) {
  const std::string field = "$2\r\nid\r\n:";
  const std::size_t at = reply.find(field);
  if (at == std::string::npos) return;
  const std::size_t begin = at + field.size();
  reply.replace(begin, reply.find('\r', begin) - begin, "1");
}

void DifferentialTest::expect_same(const Words& words, std::string redis, std::string ours) {
  hide_client_id(redis);
  hide_client_id(ours);
  if (redis == ours) return;
  if (is(words, {"TTL", "PTTL"}) && redis[0] == ':' && ours[0] == ':') {
    const long long apart = std::atoll(redis.c_str() + 1) - std::atoll(ours.c_str() + 1);
    EXPECT_LE(std::llabs(apart), is(words, {"TTL"}) ? 1 : 1000) << describe(words);
    return;
  }
  const bool unordered = is(words, {"KEYS", "EXEC", "SCAN", "CONFIG"}) ||
                         (is(words, {"COMMAND"}) && words.size() > 1 && words[1] == "LIST");
  if (unordered && redis.size() == ours.size()) {
    EXPECT_EQ(print(deep_sorted(parse_reply(redis))), print(deep_sorted(parse_reply(ours))))
        << describe(words);
    return;
  }
  EXPECT_EQ(redis.substr(0, 500), ours.substr(0, 500)) << "to " << describe(words);
}

TEST_F(DifferentialTest, ScriptedLinesInBothProtocolsAndBothForms) {
  for (const std::string protocol : {"2", "3"}) {
    for (const bool as_inline : {true, false}) {
      SCOPED_TRACE("RESP" + protocol + (as_inline ? ", inline" : ", arrays"));
      Pair pair = connect();
      const auto call = [&](RawClient& client, std::string_view line) {
        return as_inline ? client.inline_call(line) : client.call(split(line));
      };
      pair.redis.call({"FLUSHALL"});
      pair.ours.call({"FLUSHALL"});
      pair.redis.call({"HELLO", protocol});
      pair.ours.call({"HELLO", protocol});
      for (const std::string& line : scripted_lines()) {
        const std::string redis = call(pair.redis, line);
        const std::string ours = call(pair.ours, line);
        // AUTH without a password configured is the one thing that our servers cannot share.
        expect_same(split(line), redis, ours);
        if (line == "RESET") {
          pair.ours.call({"AUTH", served_.password()});
          pair.redis.call({"HELLO", protocol});
          pair.ours.call({"HELLO", protocol});
        }
        if (HasFailure() && redis == "<closed>") return;
      }
    }
  }
}

TEST_F(DifferentialTest, SeededRandomCommandsOfTwoConnections) {
  std::uint64_t seed = 20'260'101;
  if (const char* given = std::getenv("RESTORED_SEED")) seed = std::strtoull(given, nullptr, 10);
  constexpr int commands = 12'000;
  RandomCommands source(seed);
  std::vector<std::string> history;  // of a failure, the way there
  std::vector<Pair> pairs;
  pairs.push_back(connect());
  pairs.push_back(connect());
  pairs[1].redis.call({"HELLO", "3"});
  pairs[1].ours.call({"HELLO", "3"});
  for (int i = 0; i < commands; ++i) {
    Pair& pair = pairs[static_cast<std::size_t>(i / 5 % 2)];
    const Words words = source.next();
    // A flush spoils every WATCH here, in Redis only those of keys that existed. Nobody watches
    // when one comes, so that the rest stays comparable.
    if (is(words, {"FLUSHALL", "FLUSHDB"})) {
      for (Pair& each : pairs) {
        for (const Words& end : {Words{"DISCARD"}, Words{"UNWATCH"}}) {
          expect_same(end, each.redis.call(end), each.ours.call(end));
        }
      }
    }
    expect_same(words, pair.redis.call(words), pair.ours.call(words));
    history.push_back(describe(words));
    if (HasFailure()) {
      for (std::size_t j = history.size() > 40 ? history.size() - 40 : 0; j < history.size(); ++j) {
        std::cerr << j / 5 % 2 << ": " << history[j] << "\n";
      }
    }
    ASSERT_FALSE(HasFailure()) << "command " << i << " of RESTORED_SEED=" << seed;
  }
}

TEST_F(DifferentialTest, PipelinesAreAnsweredInOrder) {
  Pair pair = connect();
  RandomCommands source(7);
  std::string text;
  std::vector<Words> sent;
  for (int i = 0; i < 2'000; ++i) {
    sent.push_back(source.next());
    text += encode_request(sent.back());
  }
  ASSERT_TRUE(pair.redis.send(text));
  ASSERT_TRUE(pair.ours.send(text));
  for (const Words& words : sent) {
    expect_same(words, pair.redis.receive().value_or("<closed>"),
                pair.ours.receive().value_or("<closed>"));
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(DifferentialTest, ProtocolErrorsAreTheSameAndClose) {
  const std::vector<std::string> malformed = {
      "*x\r\n",
      "*99999999999999999999\r\n",
      "*1\r\nPING\r\n",
      "*1\r\n$x\r\n",
      "*1\r\n$-1\r\n",
      "*1\r\n$536870913\r\n",
      "*2\r\n$3\r\nGET\r\n:1\r\n",
      "GET \"a\r\n",
      "GET 'a'b\r\n",
      "*" + std::string(70'000, '1'),
      "*1\r\n$" + std::string(70'000, '1'),
      std::string(70'000, 'a'),
      "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n$x\r\n",
  };
  for (const std::string& text : malformed) {
    Pair pair = connect();
    ASSERT_TRUE(pair.redis.send(text));
    ASSERT_TRUE(pair.ours.send(text));
    EXPECT_EQ(pair.redis.drain(), pair.ours.drain()) << text.substr(0, 60);
  }
}

TEST_F(DifferentialTest, HttpIsHungUpOn) {
  for (const std::string line : {"POST / HTTP/1.1\r\n", "Host: localhost\r\n"}) {
    Pair pair = connect();
    ASSERT_TRUE(pair.redis.send(line));
    ASSERT_TRUE(pair.ours.send(line));
    EXPECT_EQ(pair.redis.drain(), pair.ours.drain());
  }
}

// Redis' reply about commands that we have, without the parts that are its authors' prose.
void strip_prose(RespValue& docs) {
  for (const std::string_view key : {"summary", "complexity", "history"}) docs.erase(key);
  for (std::size_t i = 1; i < docs.children.size(); i += 2) {
    if (docs.children[i - 1].text != "subcommands") continue;
    RespValue& subcommands = docs.children[i];
    for (std::size_t j = 1; j < subcommands.children.size(); j += 2) {
      strip_prose(subcommands.children[j]);
    }
  }
}

void strip_notes(RespValue& info) {
  for (RespValue& range : info.children.at(8).children) range.erase("notes");
}

std::vector<std::string> our_commands(RawClient& client) {
  std::vector<std::string> names;
  for (const RespValue& name : parse_reply(client.call({"COMMAND", "LIST"})).children) {
    names.push_back(name.text);
  }
  return names;
}

TEST_F(DifferentialTest, CommandInfoTellsWhatRedisTells) {
  for (const std::string protocol : {"2", "3"}) {
    Pair pair = connect();
    pair.redis.call({"HELLO", protocol});
    pair.ours.call({"HELLO", protocol});
    const auto names = our_commands(pair.ours);
    EXPECT_GT(names.size(), 60u);
    for (const std::string& name : names) {
      RespValue redis = parse_reply(pair.redis.call({"COMMAND", "INFO", name})).children.at(0);
      RespValue ours = parse_reply(pair.ours.call({"COMMAND", "INFO", name})).children.at(0);
      strip_notes(redis);
      const std::vector<RespValue> subcommands = ours.children.at(9).children;
      ours.children.at(9) = redis.children.at(9) = {};
      EXPECT_EQ(print(redis), print(ours));
      for (const RespValue& subcommand : subcommands) {
        const std::string& full = subcommand.children.at(0).text;
        const RespValue theirs =
            parse_reply(pair.redis.call({"COMMAND", "INFO", full})).children.at(0);
        if (theirs.children.empty()) continue;  // from a later Redis: CLIENT SETINFO, NO-TOUCH
        EXPECT_EQ(print(theirs), print(subcommand));
      }
    }
    EXPECT_EQ(parse_reply(pair.ours.call({"COMMAND", "COUNT"})).text, std::to_string(names.size()));
    EXPECT_EQ(parse_reply(pair.ours.call({"COMMAND"})).children.size(), names.size());
  }
}

TEST_F(DifferentialTest, CommandDocsHaveTheShapeOfRedis) {
  Pair pair = connect();
  pair.redis.call({"HELLO", "3"});
  pair.ours.call({"HELLO", "3"});
  for (const std::string& name : our_commands(pair.ours)) {
    RespValue redis = parse_reply(pair.redis.call({"COMMAND", "DOCS", name}));
    RespValue ours = parse_reply(pair.ours.call({"COMMAND", "DOCS", name}));
    ASSERT_EQ(ours.children.size(), 2u);
    EXPECT_NE(ours.children[1].at("summary"), nullptr) << name;
    EXPECT_NE(ours.children[1].at("complexity"), nullptr) << name;
    strip_prose(redis.children.at(1));
    strip_prose(ours.children.at(1));
    const RespValue* subcommands = ours.children[1].at("subcommands");
    if (subcommands == nullptr) {
      EXPECT_EQ(print(redis), print(ours));
      continue;
    }
    const RespValue* theirs = redis.children[1].at("subcommands");
    ASSERT_NE(theirs, nullptr);
    for (std::size_t i = 0; i < subcommands->children.size(); i += 2) {
      const RespValue* twin = theirs->at(subcommands->children[i].text);
      if (twin != nullptr) {
        EXPECT_EQ(print(*twin), print(subcommands->children[i + 1]));
      }
    }
  }
}

}  // namespace
}  // namespace restored::test
