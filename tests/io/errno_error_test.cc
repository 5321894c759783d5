#include "io/errno_error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace restored::io {
namespace {

// What a hardened unit makes of every directory that it does not name.
TEST(ErrnoErrorTest, AReadOnlyFileSystemNamesTheUnitsSetting) {
  const Error error = errno_error(EROFS, "mkdir", "/srv/backups");
  EXPECT_EQ(error.code, ErrorCode::io_error);
  EXPECT_EQ(error.message, "mkdir /srv/backups: Read-only file system (errno 30)");
  EXPECT_NE(error.hint_text().find("ReadWritePaths="), std::string::npos);
}

}  // namespace
}  // namespace restored::io
