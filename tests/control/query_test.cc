#include "control/query.h"

#include <gtest/gtest.h>

namespace restored::control {
namespace {

TEST(QueryTest, ValuesAreDecodedAndTheFirstCounts) {
  EXPECT_EQ(query_value("limit=5&cursor=a%2Fb+c", "cursor"), "a/b c");
  EXPECT_EQ(query_value("limit=5&limit=6", "limit"), "5");
  EXPECT_EQ(query_value("%6Cimit=7", "limit"), "7");
  EXPECT_EQ(query_value("limit", "limit"), "");
  EXPECT_EQ(query_value("limits=5", "limit"), std::nullopt);
  EXPECT_EQ(query_value("limit=%zz", "limit"), std::nullopt);
  EXPECT_EQ(query_value("limit=%4", "limit"), std::nullopt);
  EXPECT_EQ(query_value("", "limit"), std::nullopt);
  EXPECT_EQ(query_value("&&=&limit=1", "limit"), "1");
}

TEST(QueryTest, AnIdIsTheSameWithAndWithoutItsPrefix) {
  EXPECT_EQ(database_id("abc123")->value, "abc123");
  EXPECT_EQ(database_id("db_abc123")->value, "abc123");
  EXPECT_EQ(connection_id("con_abc")->value, "abc");
  EXPECT_EQ(project_id("proj_Shop-1"), "Shop-1");
}

TEST(QueryTest, WhatCannotBeAnIdNeverReachesTheEngine) {
  for (const std::string text : {"", "db_", "db_db_x", "a/b", "..", "a b", "A", "x\n", "%2e"}) {
    EXPECT_FALSE(database_id(text)) << text;
  }
  EXPECT_FALSE(database_id(std::string(1, '\0')));
  EXPECT_FALSE(database_id(std::string(129, 'a')));
  for (const std::string text : {"", ".", "..", ".hidden", "a/b", "../x", "a\\b", "a b"}) {
    EXPECT_FALSE(backup_id(text)) << text;
    EXPECT_FALSE(operation_id(text)) << text;
  }
  EXPECT_EQ(backup_id("2026-11-22T00.56_x")->value, "2026-11-22T00.56_x");
}

TEST(PageTest, LimitIsAWholeNumberInItsRange) {
  EXPECT_EQ(page_request("", 25, 100)->limit, 25u);
  EXPECT_EQ(page_request("limit=1", 25, 100)->limit, 1u);
  EXPECT_EQ(page_request("limit=100", 25, 100)->limit, 100u);
  for (const char* query : {"limit=0", "limit=101", "limit=-1", "limit=1.5", "limit=x",
                            "limit=", "limit=99999999999999999999999", "limit=1%00"}) {
    const auto request = page_request(query, 25, 100);
    ASSERT_FALSE(request) << query;
    EXPECT_EQ(request.error().code, ErrorCode::invalid_value);
  }
  for (const char* query : {"cursor=x", "cursor=zz", "cursor=6162"}) {
    EXPECT_EQ(page_request(query, 25, 100).error().code, ErrorCode::invalid_value) << query;
  }
  EXPECT_FALSE(page_request("cursor=", 25, 100)->after);
}

// Walks a list by pages and returns what it saw.
std::vector<std::string> walk(Order order, std::vector<Position> items, std::size_t limit,
                              const std::string& leaves = {}) {
  std::vector<std::string> seen;
  PageRequest request{limit, std::nullopt};
  for (int pages = 0; pages < 20; ++pages) {
    const Page page =
        page_of(request, order, items.size(), [&](std::size_t index) { return items[index]; });
    for (std::size_t at = page.begin; at < page.end; ++at) seen.push_back(items[at].id);
    if (!page.next_cursor) return seen;
    const auto next = page_request("cursor=" + *page.next_cursor, limit, 100);
    if (!next) break;
    request.after = next->after;
    std::erase_if(items, [&](const Position& item) { return item.id == leaves; });
  }
  ADD_FAILURE() << "the pages do not end";
  return seen;
}

TEST(PageTest, PagesShowEachItemOnce) {
  const std::vector<Position> items{{1, "a"}, {1, "c"}, {1, "b"}, {2, "d"}, {5, "e"}};
  const std::vector<std::string> all{"a", "c", "b", "d", "e"};
  for (std::size_t limit = 1; limit <= 6; ++limit) {
    EXPECT_EQ(walk(Order::oldest_first, items, limit), all) << limit;
  }
  EXPECT_TRUE(walk(Order::oldest_first, {}, 2).empty());
}

TEST(QueryTest, ATimesPlusMayArriveAsASpace) {
  constexpr UnixMillis time = 1'369'353'600'000;
  const auto sent = [](std::string_view text) {
    return query_time(query_value("since=" + std::string(text), "since").value_or(""));
  };
  EXPECT_EQ(sent("2013-05-24T00:00:00Z"), time);
  EXPECT_EQ(sent("2013-05-24T02:00:00%2B02:00"), time);
  EXPECT_EQ(sent("2013-05-24T02:00:00+02:00"), time);
  EXPECT_EQ(sent("2013-05-24T02:00:00.000%20"
                 "02:00"),
            time);
  EXPECT_EQ(sent("2013-05-23T22:00:00-02:00"), time);
  for (const char* text : {"", "+02:00", "2013-05-24 02:00:00Z", "2013-05-24T02:00:00+02:0",
                           "2013-05-24T02:00:00++02:00", "2013-05-24T02:00:00+Z"}) {
    EXPECT_FALSE(sent(text)) << text;
  }
}

TEST(PageTest, AnItemThatLeavesDoesNotEndTheWalk) {
  const std::vector<Position> rising{{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}};
  EXPECT_EQ(walk(Order::oldest_first, rising, 2, "b"),
            (std::vector<std::string>{"a", "b", "c", "d"}));
  const std::vector<Position> falling{{4, "d"}, {3, "c"}, {2, "b"}, {1, "a"}};
  EXPECT_EQ(walk(Order::newest_first, falling, 2, "c"),
            (std::vector<std::string>{"d", "c", "b", "a"}));
}

}  // namespace
}  // namespace restored::control
