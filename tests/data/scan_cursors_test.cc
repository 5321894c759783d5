#include "data/scan_cursors.h"

#include <gtest/gtest.h>

namespace restored::data {
namespace {

TEST(ScanCursorsTest, ACursorIsNeverZeroAndFindsItsKey) {
  ScanCursors cursors;
  const std::uint64_t cursor = cursors.remember("key", 0);
  EXPECT_NE(cursor, 0u);
  EXPECT_EQ(cursors.last_key(cursor), "key");
  EXPECT_EQ(cursors.last_key(cursor + 1), std::nullopt);
}

TEST(ScanCursorsTest, ACallMayBeRepeatedUntilItsSuccessorIsUsed) {
  ScanCursors cursors;
  const std::uint64_t first = cursors.remember("a", 0);
  const std::uint64_t second = cursors.remember("b", first);
  EXPECT_EQ(cursors.last_key(first), "a");
  EXPECT_EQ(cursors.last_key(second), "b");
  EXPECT_EQ(cursors.last_key(first), std::nullopt);
}

TEST(ScanCursorsTest, TheTableIsBoundedAndForgetsTheLongestUnused) {
  ScanCursors cursors(3);
  const std::uint64_t a = cursors.remember("a", 0);
  const std::uint64_t b = cursors.remember("b", 0);
  cursors.remember("c", 0);
  EXPECT_EQ(cursors.last_key(a), "a");  // used: now the youngest
  cursors.remember("d", 0);
  EXPECT_EQ(cursors.last_key(b), std::nullopt);
  EXPECT_EQ(cursors.last_key(a), "a");
}

}  // namespace
}  // namespace restored::data
