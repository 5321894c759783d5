#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"

namespace restored {
namespace {

TEST(Iso8601Test, ReadsWhatServersWrite) {
  EXPECT_EQ(from_iso8601("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(from_iso8601("2013-05-24T00:00:00Z"), 1'369'353'600'000);
  EXPECT_EQ(from_iso8601("2009-10-12T17:50:30.000Z"), 1'255'369'830'000);
  EXPECT_EQ(from_iso8601("2009-10-12T17:50:30.5Z"), 1'255'369'830'500);
  EXPECT_EQ(from_iso8601("2009-10-12T17:50:30.123456789Z"), 1'255'369'830'123);
  EXPECT_EQ(from_iso8601("2024-02-29T23:59:60Z"), 1'709'251'200'000);
}

TEST(Iso8601Test, ReadsWhatItWrites) {
  for (const UnixMillis time : {UnixMillis{0}, UnixMillis{1'763'800'000'123}, UnixMillis{-1}})
    EXPECT_EQ(from_iso8601(iso8601(time)), time);
}

TEST(Iso8601Test, RefusesEverythingElse) {
  for (const char* const text :
       {"", "Z", "2013-05-24", "2013-05-24T00:00:00", "2013-5-24T00:00:00Z", "2013-13-24T00:00:00Z",
        "2013-02-29T00:00:00Z", "2013-05-24T24:00:00Z", "2013-05-24T00:60:00Z",
        "2013-05-24T00:00:61Z", "2013-05-24T00:00:00.Z", "2013-05-24T00:00:00.1xZ",
        "2013-05-24T00:00:00ZZ", "2013-05-24T00:00:00.5.5Z", " 2013-05-24T00:00:00Z",
        "+013-05-24T00:00:00Z", "20130524T000000Z", "2013-05-24T00:00:0aZ"})
    EXPECT_FALSE(from_iso8601(text)) << text;
}

constexpr UnixMillis minute = 60 * 1000;
constexpr UnixMillis midnight = 1'369'353'600'000;  // of 2013-05-24

TEST(Iso8601Test, ReadsOffsetsFromUtc) {
  EXPECT_EQ(from_iso8601("2013-05-24T00:00:00+00:00"), midnight);
  EXPECT_EQ(from_iso8601("2013-05-24T00:00:00-00:00"), midnight);
  EXPECT_EQ(from_iso8601("2013-05-24T02:00:00+02:00"), midnight);
  EXPECT_EQ(from_iso8601("2013-05-24T00:00:00.25+05:30"), midnight - 330 * minute + 250);
  // Into the day before and the day after, over the ends of a month and of a year.
  EXPECT_EQ(from_iso8601("2013-05-23T18:30:00-05:30"), midnight);
  EXPECT_EQ(from_iso8601("2013-05-24T14:00:00+14:00"), midnight);
  EXPECT_EQ(from_iso8601("2013-05-23T12:00:00-12:00"), midnight);
  EXPECT_EQ(iso8601(*from_iso8601("2024-03-01T00:30:00+01:00")), "2024-02-29T23:30:00.000Z");
  EXPECT_EQ(iso8601(*from_iso8601("2023-12-31T23:30:00-01:00")), "2024-01-01T00:30:00.000Z");
  EXPECT_EQ(iso8601(*from_iso8601("2024-01-01T00:00:00+23:59")), "2023-12-31T00:01:00.000Z");
  EXPECT_EQ(from_iso8601("2013-05-23T23:59:60-00:00"), midnight) << "a leap second";
}

TEST(Iso8601Test, RefusesOffsetsThatAreNone) {
  for (const char* const offset :
       {"+",       "-",       "+1:00",   "+0100",  "+01",    "+01:",   "+01:0",
        "+01:000", "+24:00",  "-24:00",  "+01:60", "+ 1:00", "+01-00", "++1:00",
        "-01:0a",  "Z+01:00", "+01:00Z", "z",      " 01:00", " ",      ".+01:00"}) {
    EXPECT_FALSE(from_iso8601(std::string("2013-05-24T00:00:00") + offset)) << offset;
  }
}

// What would have no four digits for its year, in UTC, could not be written again.
TEST(Iso8601Test, RefusesYearsThatCannotBeWritten) {
  EXPECT_TRUE(from_iso8601("0001-01-01T00:00:00Z"));
  EXPECT_FALSE(from_iso8601("0001-01-01T00:00:00+00:01"));
  EXPECT_FALSE(from_iso8601("0000-12-31T23:59:59Z"));
  EXPECT_TRUE(from_iso8601("0000-12-31T23:59:59-00:01"));
  EXPECT_TRUE(from_iso8601("9999-12-31T23:59:59.999Z"));
  EXPECT_FALSE(from_iso8601("9999-12-31T23:59:60Z"));
  EXPECT_FALSE(from_iso8601("9999-12-31T23:59:59.999-00:01"));
}

}  // namespace
}  // namespace restored
