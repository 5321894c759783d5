#include "format/content_digest.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "restored/record.h"

namespace restored::format {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string value(std::string_view text, std::optional<UnixMillis> expires_at = std::nullopt) {
  return record::encode(record::Type::string, expires_at, text);
}

ContentFacts facts_of(const Rows& rows, UnixMillis as_of = 0) {
  ContentReader reader(as_of);
  for (const auto& [key, bytes] : rows) EXPECT_TRUE(reader.add(key, bytes));
  return reader.facts();
}

Rows some_rows(int count) {
  Rows rows;
  for (int i = 0; i < count; ++i)
    rows.emplace_back(record::metadata_key("key" + std::to_string(i)),
                      value(std::to_string(i * 7)));
  return rows;
}

TEST(ContentDigestTest, DoesNotDependOnTheOrder) {
  Rows rows = some_rows(1000);
  const ContentDigest sorted = facts_of(rows).stored;
  std::ranges::shuffle(rows, std::mt19937_64(11));
  EXPECT_EQ(facts_of(rows).stored, sorted);
  EXPECT_EQ(sorted.rows, 1000u);
}

TEST(ContentDigestTest, AnyChangedRowChangesIt) {
  const Rows rows = some_rows(50);
  const ContentDigest before = facts_of(rows).stored;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Rows changed = rows;
    changed[i].second.back() = static_cast<char>(changed[i].second.back() ^ 1);
    EXPECT_NE(facts_of(changed).stored.hash(), before.hash());
    changed = rows;
    changed[i].first.back() = static_cast<char>(changed[i].first.back() ^ 1);
    EXPECT_NE(facts_of(changed).stored.hash(), before.hash());
    changed = rows;
    std::swap(changed[i].second, changed[(i + 1) % rows.size()].second);
    EXPECT_NE(facts_of(changed).stored.hash(), before.hash());
  }
}

// An exclusive or would not see these.
TEST(ContentDigestTest, RowsThatAreThereTwiceDoNotCancel) {
  const Rows rows = some_rows(3);
  Rows twice = rows;
  twice.insert(twice.end(), rows.begin(), rows.end());
  EXPECT_NE(facts_of(twice).stored.hash(), facts_of({}).stored.hash());
  EXPECT_NE(facts_of(twice).stored.hash(), facts_of(rows).stored.hash());
}

TEST(ContentDigestTest, TheBoundBetweenKeyAndValueCounts) {
  const Rows one = {{record::metadata_key("ab"), value("c")}};
  const Rows other = {{record::metadata_key("a"), "b" + value("c")}};
  ContentReader reader(0);
  EXPECT_NE(facts_of(one).stored.hash(), facts_of({{"kab", value("")}}).stored.hash());
  EXPECT_FALSE(reader.add(other[0].first, other[0].second)) << "that is no record";
}

TEST(ContentDigestTest, IsTheSumThatTheHeaderNames) {
  const std::string key = record::metadata_key("k");
  const std::string bytes = value("v");
  std::string row(16, '\0');
  row[0] = static_cast<char>(key.size());
  row[8] = static_cast<char>(bytes.size());
  row += key + bytes;
  const XXH128_hash_t hash = XXH3_128bits(row.data(), row.size());
  EXPECT_EQ(facts_of({{key, bytes}}).stored.sum[0], hash.low64);
  EXPECT_EQ(facts_of({{key, bytes}}).stored.sum[1], hash.high64);
  // Three times, with the carry from the low half into the high one.
  const auto thrice = facts_of({{key, bytes}, {key, bytes}, {key, bytes}}).stored;
  EXPECT_EQ(thrice.sum[0], hash.low64 * 3);
  const std::uint64_t twice_low = hash.low64 * 2;
  const std::uint64_t carries =
      (twice_low < hash.low64 ? 1u : 0u) + (thrice.sum[0] < twice_low ? 1u : 0u);
  EXPECT_EQ(thrice.sum[1], hash.high64 * 3 + carries);
  EXPECT_EQ(facts_of({}).stored.hash(), std::string(32, '0'));
}

TEST(ContentDigestTest, WhatHasExpiredIsStoredButDoesNotCount) {
  const Rows rows = {{record::metadata_key("a"), value("1")},
                     {record::metadata_key("b"), value("2", 1000)},
                     {record::metadata_key("c"), value("3", 1001)}};
  const ContentFacts facts = facts_of(rows, 1000);
  EXPECT_EQ(facts.stored.rows, 3u);
  EXPECT_EQ(facts.unexpired, facts_of({rows[0], rows[2]}).stored);
}

TEST(ContentDigestTest, ARowThatIsNoneOfOursIsAnErrorWithItsKey) {
  ContentReader reader(0);
  const auto foreign = reader.add("x1", "value");
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::corruption);
  EXPECT_NE(foreign.error().message.find("7831"), std::string::npos) << foreign.error().message;
  EXPECT_FALSE(reader.add(record::metadata_key("k"), "")) << "no record";
}

}  // namespace
}  // namespace restored::format
