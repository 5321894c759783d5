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
       {"", "Z", "2013-05-24", "2013-05-24T00:00:00", "2013-05-24T00:00:00+01:00",
        "2013-5-24T00:00:00Z", "2013-13-24T00:00:00Z", "2013-02-29T00:00:00Z",
        "2013-05-24T24:00:00Z", "2013-05-24T00:60:00Z", "2013-05-24T00:00:61Z",
        "2013-05-24T00:00:00.Z", "2013-05-24T00:00:00.1xZ", "2013-05-24T00:00:00ZZ",
        "2013-05-24T00:00:00.5.5Z", " 2013-05-24T00:00:00Z", "+013-05-24T00:00:00Z",
        "20130524T000000Z", "2013-05-24T00:00:0aZ"})
    EXPECT_FALSE(from_iso8601(text)) << text;
}

}  // namespace
}  // namespace restored
