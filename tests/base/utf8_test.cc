#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "base/log.h"

namespace restored {
namespace {

TEST(Utf8Test, BrokenBytesAreReplacedOneByOne) {
  EXPECT_EQ(to_utf8("a\xFF\xC3\xA4\xC3"), "a\xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD");
  EXPECT_EQ(to_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
}

TEST(Utf8Test, WhatIsPrintedMovesNoCursorAndEndsAtACharacter) {
  EXPECT_EQ(printable("a\x1B[2J\x7F\n\xC2\x9B"
                      "b\xFF",
                      100),
            "a [2J   b?");
  EXPECT_EQ(printable("\xE2\x82\xAC\xE2\x82\xAC", 5), "\xE2\x82\xAC");
  EXPECT_EQ(printable("\xC2\xA0", 2), "\xC2\xA0") << "a space that does not break";
  EXPECT_EQ(printable("abc", 0), "");
}

TEST(Utf8Test, TheLogEscapesWhatATerminalWouldObey) {
  const std::string line = log::line(0, log::Level::info, "test",
                                     "\"\\\n\x1B\xC2\x9B"
                                     "2J \xFF \xC3\xA4");
  EXPECT_NE(line.find(R"(msg="\"\\\n\x1b\xc2\x9b2J \xff )"
                      "\xC3\xA4\""),
            std::string::npos)
      << line;
}

}  // namespace
}  // namespace restored
