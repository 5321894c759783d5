// What a backup holds, by a way that shares nothing with a restore (engine/deep), to be compared
// with what a restore of it gave.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "deep/read_backup.h"
#include "test_host.h"

namespace restored::test {

inline Result<deep::ReadBackup> read_deeply(const TestHost& host, const BackupId& backup,
                                            UnixMillis as_of = 0) {
  return deep::read_backup({.repository_url = host.options.repository_url,
                            .store = host.options.store,
                            .encryption = host.options.encryption,
                            .backup = backup,
                            .scratch = std::filesystem::path(host.state_directory()).parent_path(),
                            .as_of = as_of,
                            .tell = {}},
                           std::stop_token());
}

// What the database serves now is what the backup holds, but for what has expired.
inline void expect_serves(TestHost& host, const DatabaseId& id, const BackupId& backup) {
  const Result<LiveContent> live = host.engine().live_content(id, std::stop_token());
  ASSERT_TRUE(live) << live.error().message;
  const Result<deep::ReadBackup> read = read_deeply(host, backup, live->facts.as_of);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(live->facts.unexpired.rows, read->content.unexpired.rows);
  EXPECT_EQ(live->facts.unexpired.bytes, read->content.unexpired.bytes);
  EXPECT_EQ(live->facts.unexpired.hash(), read->content.unexpired.hash());
}

}  // namespace restored::test
