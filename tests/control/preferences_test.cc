#include "control/preferences.h"

#include <gtest/gtest.h>

namespace restored::control {
namespace {

std::optional<std::string> value(std::string_view header, std::string_view name) {
  return Preferences(header).value(name);
}

TEST(PreferencesTest, AreReadAsRfc7240HasThem) {
  EXPECT_EQ(value("hold=stage", "hold"), "stage");
  EXPECT_EQ(value("Hold=stage", "hold"), "stage") << "names have no case";
  EXPECT_EQ(value("respond-async, wait=10 , hold=stage", "hold"), "stage");
  EXPECT_EQ(value("respond-async, wait=10 , hold=stage", "wait"), "10");
  EXPECT_EQ(value("respond-async, wait=10", "respond-async"), "");
  EXPECT_EQ(value("hold=\"stage\"", "hold"), "stage");
  EXPECT_EQ(value("hold = stage", "hold"), "stage");
  EXPECT_EQ(value("hold=\"st\\\"a,g;e\"", "hold"), "st\"a,g;e");
  EXPECT_EQ(value("hold=stage; why=\"a, b\"; x, wait=3", "hold"), "stage");
  EXPECT_EQ(value("hold=stage; why=\"a, b\"; x, wait=3", "wait"), "3");
  EXPECT_EQ(value("hold=stage;;;", "hold"), "stage");
  EXPECT_EQ(value("foo; bar", "foo"), "");
  EXPECT_EQ(value(" ,,\t, hold=stage ,", "hold"), "stage") << "empty elements";
  EXPECT_EQ(value("hold=\"\"", "hold"), "");
  EXPECT_EQ(value("", "hold"), std::nullopt);
}

TEST(PreferencesTest, WhatFollowsASemicolonBelongsToTheOneBefore) {
  EXPECT_EQ(value("respond-async; hold=stage", "hold"), std::nullopt);
  EXPECT_EQ(value("x=\"a, hold=stage\"", "hold"), std::nullopt) << "nor does quoted text count";
  EXPECT_EQ(wants_hold("wait=5; household=stage"), false);
}

TEST(PreferencesTest, OfSeveralTheFirstCounts) {
  EXPECT_EQ(value("wait=1, wait=2", "wait"), "1");
  EXPECT_EQ(wants_hold("hold=stage, hold=other"), true);
  EXPECT_FALSE(wants_hold("hold=other, hold=stage"));
}

TEST(PreferencesTest, WhatCannotBeReadIsNoneAndTheOthersCount) {
  EXPECT_EQ(value("=x, wait=4", "wait"), "4");
  EXPECT_EQ(value("a b, wait=4", "wait"), "4");
  EXPECT_EQ(value("a=b=c, wait=4", "wait"), "4");
  EXPECT_EQ(value("a=\"x\"y, wait=4", "wait"), "4");
  EXPECT_EQ(value(";, wait=4", "wait"), "4");
  EXPECT_EQ(value("a=\"open, wait=4", "wait"), std::nullopt);
  EXPECT_EQ(value("a=\"open\\", "a"), std::nullopt);
}

TEST(PreferencesTest, AHoldThatIsNotKnownOrNotReadIsRefused) {
  for (const char* header :
       {"hold", "hold=", "hold=foo", "hold=STAGE", "hold=\"\"", "hold=\"stage", "hold=stage x",
        "hold==stage", "wait=5, hold=\"stage", "wait=\"5, hold=stage", "HOLD=\"", "hold=(stage)",
        "wait=5; hold=stage", "respond-async;Hold = stage", "wait=5; a=b; hold",
        "hold=stage; hold=x"}) {
    const Result<bool> wanted = wants_hold(header);
    ASSERT_FALSE(wanted) << header;
    EXPECT_EQ(wanted.error().code, ErrorCode::invalid_value) << header;
    EXPECT_NE(hold_words(header), "") << header;
    EXPECT_NE(hold_words(header), hold_applied) << header;
  }
  for (const char* header : {"", "wait=5", "household=stage", "wait=\"x", "handling=strict"}) {
    EXPECT_EQ(wants_hold(header), false) << header;
    EXPECT_EQ(hold_words(header), "") << header;
  }
  EXPECT_EQ(hold_words(" hold = \"stage\"; x"), hold_applied);
}

}  // namespace
}  // namespace restored::control
