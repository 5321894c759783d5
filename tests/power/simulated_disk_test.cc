// The simulated disk by itself: what a power loss may leave, and what it never does.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>

#include "simulated_disk/disk.h"
#include "simulated_disk/files.h"

namespace restored::test {
namespace {

constexpr std::uint64_t seeds = 300;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class SimulatedDiskTest : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text, bool synced) {
    const auto file = files_.open(path, io::Access::create_or_open, io::Caching::buffered).value();
    ASSERT_TRUE(file->truncate(0));
    ASSERT_TRUE(file->write_at(0, bytes_of(text)));
    if (synced) {
      ASSERT_TRUE(file->sync());
    }
  }
  static std::string read(SimulatedDisk& disk, const std::string& path) {
    SimulatedFiles files(disk);
    const auto content = io::read_file(files, path, 1 << 20);
    return content ? *content : "(missing)";
  }
  // Everything that a path may hold after a power loss now.
  std::set<std::string> outcomes(const std::string& path, Survival survival) {
    std::set<std::string> found;
    for (std::uint64_t seed = 0; seed < seeds; ++seed)
      found.insert(read(*disk_.power_cut(survival, seed), path));
    return found;
  }

  SimulatedDisk disk_;
  SimulatedFiles files_{disk_};
};

using Outcomes = std::set<std::string>;

TEST_F(SimulatedDiskTest, AFileThatIsSyncedWithItsDirectoryIsThereAfterEveryCut) {
  write("/a", "content", true);
  ASSERT_TRUE(files_.sync_directory("/"));
  for (const Survival survival :
       {Survival::nothing, Survival::everything, Survival::in_order, Survival::any})
    EXPECT_EQ(outcomes("/a", survival), Outcomes{"content"});
}

TEST_F(SimulatedDiskTest, ANewFileMayBeMissingUntilItsDirectoryIsSynced) {
  write("/a", "content", true);
  EXPECT_EQ(outcomes("/a", Survival::nothing), Outcomes{"(missing)"});
  EXPECT_EQ(outcomes("/a", Survival::everything), Outcomes{"content"});
  EXPECT_EQ(outcomes("/a", Survival::any), (Outcomes{"(missing)", "content"}));
}

TEST_F(SimulatedDiskTest, ARenameOverAFileThatWasNotSyncedMayLeaveItEmptyOrTorn) {
  write("/a", "old", true);
  ASSERT_TRUE(files_.sync_directory("/"));
  write("/b", "new", false);
  ASSERT_TRUE(files_.rename("/b", "/a"));
  const Outcomes before = outcomes("/a", Survival::any);
  EXPECT_TRUE(before.contains("old"));
  EXPECT_TRUE(before.contains("new"));
  EXPECT_TRUE(before.contains(""));
  EXPECT_TRUE(before.contains("n"));
  EXPECT_FALSE(before.contains(std::string(3, '\0'))) << "a length comes after its bytes";
  EXPECT_FALSE(before.contains("(missing)"));
  ASSERT_TRUE(files_.sync_directory("/"));
  EXPECT_FALSE(outcomes("/a", Survival::any).contains("old"));
}

TEST_F(SimulatedDiskTest, AReplacedFileIsOldOrNewWhole) {
  write("/a", "old", true);
  ASSERT_TRUE(files_.sync_directory("/"));
  ASSERT_TRUE(io::replace_file(files_, "/a", bytes_of("new")));
  EXPECT_EQ(outcomes("/a", Survival::any), Outcomes{"new"});
  disk_.plan().ignore_syncs([](DiskCall call, const std::string&, const std::string&) {
    return call == DiskCall::sync_directory;
  });
  ASSERT_TRUE(io::replace_file(files_, "/a", bytes_of("newer")));
  EXPECT_EQ(outcomes("/a", Survival::any), (Outcomes{"new", "newer"}));
  EXPECT_EQ(outcomes("/a", Survival::in_order), (Outcomes{"new", "newer"}));
}

TEST_F(SimulatedDiskTest, OverwrittenPagesTearAtSectorsAndTheRestStays) {
  write("/a", std::string(3 * page_bytes, 'o'), true);
  ASSERT_TRUE(files_.sync_directory("/"));
  const auto file = files_.open("/a", io::Access::write, io::Caching::buffered).value();
  ASSERT_TRUE(file->write_at(page_bytes, bytes_of(std::string(page_bytes, 'n'))));
  std::set<std::size_t> new_bytes;
  for (const std::string& left : outcomes("/a", Survival::any)) {
    ASSERT_EQ(left.size(), 3 * page_bytes);
    const std::size_t count = static_cast<std::size_t>(std::ranges::count(left, 'n'));
    EXPECT_EQ(count % sector_bytes, 0u);
    EXPECT_EQ(left.find_first_not_of('o'), count == 0 ? std::string::npos : page_bytes);
    new_bytes.insert(count);
  }
  EXPECT_GT(new_bytes.size(), 4u);
}

TEST_F(SimulatedDiskTest, AnAppendLeavesTheSyncedPartAlone) {
  const std::string synced(5000, 's');
  write("/a", synced, true);
  ASSERT_TRUE(files_.sync_directory("/"));
  const auto file = files_.open("/a", io::Access::write, io::Caching::buffered).value();
  ASSERT_TRUE(file->write_at(synced.size(), bytes_of(std::string(9000, 'n'))));
  std::set<std::size_t> sizes;
  for (const std::string& left : outcomes("/a", Survival::any)) {
    ASSERT_TRUE(left.starts_with(synced));
    EXPECT_EQ(left.find_first_not_of(std::string("n\0", 2), synced.size()), std::string::npos);
    sizes.insert(left.size());
  }
  EXPECT_GT(sizes.size(), 10u);
}

TEST_F(SimulatedDiskTest, ARenameBetweenDirectoriesNeverLosesTheFile) {
  ASSERT_TRUE(files_.make_directories("/from"));
  ASSERT_TRUE(files_.make_directories("/to"));
  write("/from/a", "content", true);
  ASSERT_TRUE(files_.sync_directory("/from"));
  ASSERT_TRUE(files_.rename("/from/a", "/to/a"));
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const auto left = disk_.power_cut(Survival::any, seed);
    EXPECT_NE(read(*left, "/from/a") == "content", read(*left, "/to/a") == "content");
  }
  ASSERT_TRUE(files_.sync_directory("/to"));
  EXPECT_EQ(outcomes("/to/a", Survival::any), Outcomes{"content"});
  EXPECT_EQ(outcomes("/from/a", Survival::any), Outcomes{"(missing)"});
}

TEST_F(SimulatedDiskTest, WhatLiesInADirectoryWithoutADurableNameIsLost) {
  ASSERT_EQ(disk_.make_directory("/new"), 0);
  write("/new/a", "content", true);
  ASSERT_TRUE(files_.sync_directory("/new"));
  EXPECT_EQ(outcomes("/new/a", Survival::any), (Outcomes{"(missing)", "content"}));
  ASSERT_TRUE(files_.sync_directory("/"));
  EXPECT_EQ(outcomes("/new/a", Survival::any), Outcomes{"content"});
}

TEST_F(SimulatedDiskTest, InOrderNoNameIsLostBeforeAnOlderOne) {
  for (const char* path : {"/a", "/b", "/c"}) write(path, path, false);
  const auto there = [](SimulatedDisk& disk, const char* path) {
    return read(disk, path) != "(missing)";
  };
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const auto left = disk_.power_cut(Survival::in_order, seed);
    EXPECT_GE(there(*left, "/a"), there(*left, "/b"));
    EXPECT_GE(there(*left, "/b"), there(*left, "/c"));
  }
  bool out_of_order = false;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const auto left = disk_.power_cut(Survival::any, seed);
    out_of_order = out_of_order || there(*left, "/c") > there(*left, "/a");
  }
  EXPECT_TRUE(out_of_order);
}

TEST_F(SimulatedDiskTest, AFileThatIsCutAndWrittenAnewIsNeverMixedWithItsOldBytes) {
  write("/a", std::string(6000, 'o'), true);
  ASSERT_TRUE(files_.sync_directory("/"));
  write("/a", std::string(6000, 'n'), false);
  for (const std::string& left : outcomes("/a", Survival::any)) {
    const bool old = left == std::string(6000, 'o');
    EXPECT_TRUE(old || left.find('o') == std::string::npos);
  }
}

TEST_F(SimulatedDiskTest, ASyncThatFailsLosesItsPagesForGood) {
  write("/a", "old", true);
  ASSERT_TRUE(files_.sync_directory("/"));
  const auto file = files_.open("/a", io::Access::write, io::Caching::buffered).value();
  ASSERT_TRUE(file->write_at(0, bytes_of("new")));
  disk_.plan().fail({.calls = {DiskCall::sync}, .path_part = ""}, 1, EIO);
  EXPECT_FALSE(file->sync());
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(outcomes("/a", Survival::nothing), Outcomes{"old"});
  EXPECT_EQ(read(disk_, "/a"), "new");
}

TEST_F(SimulatedDiskTest, TheSameSeedLeavesTheSame) {
  write("/a", std::string(20'000, 'x'), false);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(read(*disk_.power_cut(Survival::any, seed), "/a"),
              read(*disk_.power_cut(Survival::any, seed), "/a"));
  }
}

TEST_F(SimulatedDiskTest, TheDiskGoesOnBesideWhatACutLeft) {
  write("/a", "first", true);
  ASSERT_TRUE(files_.sync_directory("/"));
  const auto left = disk_.power_cut(Survival::everything, 1);
  const auto killed = disk_.process_death();
  write("/a", "second", true);
  EXPECT_EQ(read(*left, "/a"), "first");
  EXPECT_EQ(read(*killed, "/a"), "first");
  EXPECT_EQ(read(disk_, "/a"), "second");
}

TEST_F(SimulatedDiskTest, ADeadProcessLeavesWhatWasNotSyncedInDoubtStill) {
  write("/a", "content", false);
  const auto killed = disk_.process_death();
  EXPECT_EQ(read(*killed, "/a"), "content");
  EXPECT_EQ(read(*killed->power_cut(Survival::nothing, 1), "/a"), "(missing)");
}

TEST_F(SimulatedDiskTest, AFrozenDiskTakesAndTellsNothing) {
  write("/a", "content", true);
  const auto file = files_.open("/a", io::Access::write, io::Caching::buffered).value();
  disk_.freeze();
  EXPECT_FALSE(file->write_at(0, bytes_of("x")));
  EXPECT_FALSE(files_.stat("/a"));
  EXPECT_FALSE(files_.rename("/a", "/b"));
}

TEST_F(SimulatedDiskTest, ItsCapacityIsTakenAndGivenBack) {
  disk_.set_capacity(10 * page_bytes);
  write("/a", std::string(6 * page_bytes, 'x'), false);
  EXPECT_EQ(files_.space("/")->free_bytes, 4 * page_bytes);
  const auto other = files_.open("/b", io::Access::create, io::Caching::buffered).value();
  EXPECT_EQ(other->write_at(0, bytes_of(std::string(5 * page_bytes, 'x'))).error().code,
            ErrorCode::no_space);
  {
    const auto held = files_.open("/a", io::Access::read, io::Caching::buffered).value();
    ASSERT_TRUE(files_.remove_file("/a"));
    EXPECT_EQ(files_.space("/")->free_bytes, 4 * page_bytes);  // its reader keeps it
  }
  EXPECT_EQ(files_.space("/")->free_bytes, 10 * page_bytes);
  EXPECT_TRUE(other->write_at(0, bytes_of(std::string(5 * page_bytes, 'x'))));
}

TEST_F(SimulatedDiskTest, ThePlanFailsTheNthCallOrAllFromThere) {
  disk_.plan().fail({.calls = {DiskCall::create}, .path_part = "/b"}, 2, ENOSPC);
  write("/b", "x", false);
  ASSERT_TRUE(files_.remove_file("/b"));
  EXPECT_EQ(files_.open("/b", io::Access::create, io::Caching::buffered).error().code,
            ErrorCode::no_space);
  EXPECT_TRUE(files_.open("/b", io::Access::create, io::Caching::buffered));
  disk_.plan().fail_from({.calls = {DiskCall::write}, .path_part = ""}, 1, EIO);
  const auto file = files_.open("/b", io::Access::write, io::Caching::buffered).value();
  EXPECT_FALSE(file->write_at(0, bytes_of("x")));
  EXPECT_FALSE(file->write_at(0, bytes_of("x")));
  EXPECT_EQ(disk_.plan().failures(), 3u);
  disk_.plan().clear();
  EXPECT_TRUE(file->write_at(0, bytes_of("x")));
}

TEST_F(SimulatedDiskTest, AMountedDiskIsAnotherDisk) {
  SimulatedDisk other;
  SimulatedFiles both(disk_, {{"/mount", &other}});
  ASSERT_TRUE(both.make_directories("/mount/deep"));
  ASSERT_TRUE(io::replace_file(both, "/mount/deep/a", bytes_of("there")));
  EXPECT_EQ(read(other, "/mount/deep/a"), "there");
  EXPECT_EQ(read(disk_, "/mount/deep/a"), "(missing)");
  EXPECT_FALSE(both.link("/mount/deep/a", "/a"));
}

}  // namespace
}  // namespace restored::test
