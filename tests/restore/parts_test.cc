// The engine's small parts, each alone: space, uses of backups, rates, the state lock.
#include <gtest/gtest.h>

#include <thread>

#include "restore/backup_uses.h"
#include "restore/rate_meter.h"
#include "restore/space_ledger.h"
#include "support/temporary_directory.h"

namespace restored::restore {
namespace {

TEST(SpaceLedgerTest, CountsWhatIsStillToBeWritten) {
  SpaceLedger ledger;
  SpaceReservation first = ledger.reserve(100);
  {
    const SpaceReservation second = ledger.reserve(50);
    EXPECT_EQ(ledger.reserved_bytes(), 150u);
    first.note_written(30);
    EXPECT_EQ(ledger.reserved_bytes(), 120u);
  }
  EXPECT_EQ(ledger.reserved_bytes(), 70u);
  first.note_written(1000);
  EXPECT_EQ(ledger.reserved_bytes(), 0u) << "more than promised is not owed to others";
  first.release();
  first.release();
  EXPECT_EQ(ledger.reserved_bytes(), 0u);
}

TEST(SpaceLedgerTest, AReservationMovesWithItsSpace) {
  SpaceLedger ledger;
  SpaceReservation first = ledger.reserve(100);
  SpaceReservation second = std::move(first);
  EXPECT_EQ(ledger.reserved_bytes(), 100u);
  SpaceReservation third = ledger.reserve(7);
  third = std::move(second);
  EXPECT_EQ(ledger.reserved_bytes(), 100u) << "the held one was given back";
  SpaceReservation& self = third;
  third = std::move(self);
  EXPECT_EQ(ledger.reserved_bytes(), 100u);
}

TEST(BackupUsesTest, ABackupInUseIsNotRemoved) {
  BackupUses uses;
  const BackupId one("one");
  const BackupId two("two");
  Result<BackupUse> reader = uses.read(one);
  Result<BackupUse> second = uses.read(one);
  ASSERT_TRUE(reader && second);
  EXPECT_EQ(uses.remove(one).error().code, ErrorCode::database_busy);
  EXPECT_TRUE(uses.remove(two)) << "others are free";
  reader->release();
  EXPECT_EQ(uses.remove(one).error().code, ErrorCode::database_busy);
  second->release();
  EXPECT_TRUE(uses.remove(one));
}

TEST(BackupUsesTest, AReaderDoesNotFindABackupThatIsBeingRemoved) {
  BackupUses uses;
  Result<BackupUse> removal = uses.remove(BackupId("old"));
  ASSERT_TRUE(removal);
  EXPECT_EQ(uses.read(BackupId("old")).error().code, ErrorCode::backup_not_found);
  EXPECT_EQ(uses.remove(BackupId("old")).error().code, ErrorCode::database_busy);
  EXPECT_TRUE(uses.read(BackupId("new")));
  removal->release();
  EXPECT_TRUE(uses.read(BackupId("old")));
}

TEST(RateMeterTest, ForgetsWhatIsOlderThanTenSeconds) {
  RateMeter meter;
  const RateMeter::Time begin{};
  EXPECT_EQ(meter.recent(begin, 100), 0);
  meter.begin(begin, 1000);
  for (int second = 1; second <= 20; ++second) {
    // A thousand a second at first, then a hundred.
    const std::uint64_t bytes = second <= 10 ? 1000u + static_cast<unsigned>(second) * 1000u
                                             : 11'000u + static_cast<unsigned>(second - 10) * 100u;
    meter.sample(begin + std::chrono::seconds(second), bytes);
  }
  EXPECT_NEAR(meter.recent(begin + std::chrono::seconds(20), 12'000), 100, 100);
  EXPECT_DOUBLE_EQ(meter.average(begin + std::chrono::seconds(20), 12'000), 550);
}

}  // namespace
}  // namespace restored::restore
