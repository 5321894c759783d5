#include "data/resp_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace restored::data {
namespace {

using Words = std::vector<std::string>;
using Status = RequestParser::Status;

Words words(const RequestParser& parser) {
  return {parser.arguments().begin(), parser.arguments().end()};
}

RequestParser authenticated_parser(ParserLimits parser_limits = {}) {
  RequestParser parser(parser_limits);
  parser.set_authenticated(true);
  return parser;
}

// All requests of the text, fed as two pieces cut at `cut`, each piece in memory of its own.
std::vector<Words> parse_cut(const std::string& text, std::size_t cut) {
  RequestParser parser = authenticated_parser();
  std::vector<Words> requests;
  std::string pending = text.substr(0, cut);
  for (int piece = 0; piece < 2; ++piece) {
    for (;;) {
      const std::string moved = pending;  // the parser must not remember addresses
      const Status status = parser.parse(moved);
      EXPECT_NE(status, Status::error) << parser.error();
      if (status != Status::request) break;
      requests.push_back(words(parser));
      pending.erase(0, parser.consumed());
    }
    if (piece == 0) pending += text.substr(cut);
  }
  EXPECT_TRUE(pending.empty());
  return requests;
}

TEST(RespParserTest, EveryCutGivesTheSameRequests) {
  const std::string text =
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n"
      "PING \"a b\" 'c\\'d' \"\\x41\\n\"\r\n"
      "*0\r\n"
      "*1\r\n$0\r\n\r\n"
      "\r\n"
      "GET k\n"
      "*2\r\n$4\r\nECHO\r\n$12\r\n*1\r\n$1\r\n\r\n\r\n\r\n";
  const std::vector<Words> expected = {
      {"SET", "k", "a\r\nb"}, {"PING", "a b", "c'd", "A\n"},    {}, {""}, {},
      {"GET", "k"},           {"ECHO", "*1\r\n$1\r\n\r\n\r\n"},
  };
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(parse_cut(text, cut), expected) << "cut at " << cut;
  }
}

TEST(RespParserTest, ByteByByteIsTheSame) {
  using namespace std::string_literals;
  const std::string whole = "*2\r\n$4\r\nECHO\r\n$3\r\na\0b\r\n"s;
  RequestParser parser = authenticated_parser();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_EQ(parser.parse(whole.substr(0, size)), Status::incomplete) << size;
  }
  ASSERT_EQ(parser.parse(whole), Status::request);
}

struct Malformed {
  std::string text;
  std::string error;
};

TEST(RespParserTest, MalformedInputGetsRedisErrors) {
  const std::vector<Malformed> cases = {
      {"*x\r\n", "invalid multibulk length"},
      {"*1048577\r\n", "invalid multibulk length"},
      {"*99999999999999999999\r\n", "invalid multibulk length"},
      {"*1\r\nPING\r\n", "expected '$', got 'P'"},
      {"*1\r\n$x\r\n", "invalid bulk length"},
      {"*1\r\n$-1\r\n", "invalid bulk length"},
      {"*1\r\n$536870913\r\n", "invalid bulk length"},
      {"GET \"a\r\n", "unbalanced quotes in request"},
      {"GET 'a'b\r\n", "unbalanced quotes in request"},
      {"*" + std::string(70'000, '1'), "too big mbulk count string"},
      {"*1\r\n$" + std::string(70'000, '1'), "too big bulk count string"},
      {std::string(70'000, 'a'), "too big inline request"},
      // The end of the line changes nothing: whether it came along is the network's to say.
      {"*" + std::string(70'000, '1') + "\r\n", "too big mbulk count string"},
      {"*1\r\n$" + std::string(70'000, '1') + "\r\n", "too big bulk count string"},
      {"*1\r\nx" + std::string(70'000, '1') + "\r\n", "too big bulk count string"},
      {std::string(70'000, 'a') + "\r\n", "too big inline request"},
      // One line, though what it quotes is the end of one.
      {"*1\r\n\r\n", "expected '$', got ' '"},
  };
  for (const Malformed& malformed : cases) {
    RequestParser parser = authenticated_parser();
    EXPECT_EQ(parser.parse(malformed.text), Status::error) << malformed.error;
    EXPECT_EQ(parser.error(), "ERR Protocol error: " + malformed.error);
  }
}

TEST(RespParserTest, StrangersMaySendLittle) {
  RequestParser many;
  EXPECT_EQ(many.parse("*11\r\n"), Status::error);
  EXPECT_EQ(many.error(), "ERR Protocol error: unauthenticated multibulk length");
  RequestParser large;
  EXPECT_EQ(large.parse("*1\r\n$16385\r\n"), Status::error);
  EXPECT_EQ(large.error(), "ERR Protocol error: unauthenticated bulk length");
  RequestParser fitting;
  EXPECT_EQ(fitting.parse("*10\r\n$16384\r\n"), Status::incomplete);
}

TEST(RespParserTest, BulkLimitIsConfigurable) {
  ParserLimits small;
  small.bulk_bytes_max = 3;
  RequestParser parser = authenticated_parser(small);
  EXPECT_EQ(parser.parse("*1\r\n$3\r\nabc\r\n"), Status::request);
  EXPECT_EQ(parser.parse("*1\r\n$4\r\n"), Status::error);
}

TEST(RespParserTest, NegativeCountIsAnEmptyRequest) {
  RequestParser parser = authenticated_parser();
  EXPECT_EQ(parser.parse("*-5\r\n"), Status::request);
  EXPECT_TRUE(parser.arguments().empty());
  EXPECT_EQ(parser.consumed(), 5u);
}

TEST(RespParserTest, TellsHowMuchItWaitsFor) {
  RequestParser parser = authenticated_parser();
  EXPECT_EQ(parser.parse("*1\r\n$1000\r\nabc"), Status::incomplete);
  EXPECT_EQ(parser.bytes_wanted(), 4u + 7u + 1000u + 2u);
}

}  // namespace
}  // namespace restored::data
