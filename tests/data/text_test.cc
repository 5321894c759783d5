#include <gtest/gtest.h>

#include <limits>

#include "data/glob.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

TEST(NumbersTest, OnlyCanonicalIntegersAreIntegers) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const std::string_view text : {"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "0x1",
                                      "9223372036854775808", "-9223372036854775809", "00"}) {
    EXPECT_FALSE(parse_integer(text)) << text;
  }
}

TEST(NumbersTest, FloatsAreRefusedWhenTheyAreNoNumbers) {
  EXPECT_EQ(parse_float("3.5"), 3.5L);
  EXPECT_EQ(parse_float("1e3"), 1000.0L);
  EXPECT_TRUE(parse_float("inf"));
  for (const std::string_view text : {"", " 1", "1 ", "nan", "abc", "1e99999", "1e-99999", "1,5"}) {
    EXPECT_FALSE(parse_float(text)) << text;
  }
}

TEST(NumbersTest, FloatsArePrintedWithoutExponentOrTrailingZeros) {
  EXPECT_EQ(format_float(3.0L), "3");
  EXPECT_EQ(format_float(10.5L), "10.5");
  EXPECT_EQ(format_float(-0.0L), "0");
  EXPECT_EQ(format_float(1e20L), "100000000000000000000");
  // What INCRBYFLOAT has stored, the next one reads.
  for (const long double large : {1e300L, 1e4900L, -1e4900L}) {
    EXPECT_EQ(parse_float(format_float(large)), large);
  }
}

TEST(GlobTest, MatchesAsRedisDoes) {
  const auto matches = [](std::string_view pattern, std::string_view text) {
    return glob_matches(pattern, text);
  };
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("h?llo", "hello"));
  EXPECT_FALSE(matches("h?llo", "hllo"));
  EXPECT_TRUE(matches("h*llo", "heeeello"));
  EXPECT_TRUE(matches("h[ae]llo", "hallo"));
  EXPECT_FALSE(matches("h[^e]llo", "hello"));
  EXPECT_TRUE(matches("h[a-c]llo", "hbllo"));
  EXPECT_TRUE(matches("h[c-a]llo", "hbllo"));
  EXPECT_TRUE(matches("a\\*b", "a*b"));
  EXPECT_FALSE(matches("a\\*b", "axb"));
  EXPECT_TRUE(matches("a[\\]]b", "a]b"));
  EXPECT_TRUE(matches("*a*b*c*", "xxaxxbxxcxx"));
  EXPECT_FALSE(matches("*a*b*c", "xxaxxbxxcxx"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("[abc", "a"));
  EXPECT_TRUE(glob_matches("HeL*", "hello", true));
}

TEST(GlobTest, ManyStarsDoNotTakeForEver) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  pattern += "b";
  EXPECT_FALSE(glob_matches(pattern, std::string(5'000, 'a')));
}

TEST(GlobTest, LiteralPrefixEndsAtTheFirstSpecialByte) {
  EXPECT_EQ(glob_literal_prefix("user:*"), "user:");
  EXPECT_EQ(glob_literal_prefix("a\\*b[c]"), "a*b");
  EXPECT_EQ(glob_literal_prefix("?"), "");
  EXPECT_EQ(glob_literal_prefix("plain"), "plain");
}

}  // namespace
}  // namespace restored::data
