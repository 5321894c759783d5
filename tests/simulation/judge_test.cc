// Whether the judge takes what can be true, and refuses what cannot.
#include "judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ledger.h"

namespace restored::simulation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::int64_t second = 1'000'000'000;

class JudgeTest : public testing::Test {
 protected:
  JudgeTest() { anew(); }
  ~JudgeTest() override { ledger_.clear(); }

  // One empty database.
  void anew() {
    ledger_.clear();
    ledger_.databases = 1;
    read(0, 1, 0, 1);
  }
  Event& add(Act act, std::int64_t begin, std::int64_t end, Told told = Told::done) {
    Event& event = *ledger_.add(act, 0, begin);
    event.end = end;
    event.told = told;
    return event;
  }
  Event& at(Event& event, std::uint64_t tag, std::uint64_t generation) {
    event.tag = tag;
    event.generation = generation;
    event.has_generation = true;
    return event;
  }
  Event& read(std::uint64_t tag, std::uint64_t generation, std::int64_t begin, std::int64_t end) {
    return at(add(Act::read, begin, end), tag, generation);
  }
  Event& write(std::uint64_t tag, std::uint64_t generation, std::int64_t begin, std::int64_t end,
               Told told = Told::done) {
    return at(add(Act::write, begin, end, told), tag, generation);
  }
  Event& swap(Act act, std::uint64_t generation, std::int64_t begin, std::int64_t end,
              const char* backup = "") {
    Event& event = at(add(act, begin, end), 0, generation);
    event.backup = as_name(backup);
    return event;
  }
  void backup(const char* id, std::int64_t begin, std::int64_t end) {
    add(Act::backup, begin, end).backup = as_name(id);
  }
  // A second database, whose first generation was read to hold this.
  Event& create(std::uint64_t tag, std::int64_t begin, std::int64_t end) {
    ledger_.databases = 2;
    Event& event = at(add(Act::create, begin, end), 0, 1);
    Event& seen = read(tag, 1, end + 1, end + 2);
    event.database = seen.database = 1;
    return event;
  }
  void cut(std::int64_t when, bool power) {
    add(Act::cut, when, 0, Told::nothing).power_lost = power;
    ++ledger_.life;
  }
  std::vector<std::string> problems() { return judge(ledger_); }

  Ledger& ledger_ = Ledger::shared();
};

TEST_F(JudgeTest, WritesReadsABackupAndItsRestoreAreTaken) {
  write(1, 1, 10, 20);
  read(1, 1, 15, 25);
  backup("b", 30, 40);
  write(2, 1, 35, 50);
  read(2, 1, 60, 70);
  swap(Act::restore, 2, 80, 100, "b");
  read(2, 1, 85, 90);
  read(1, 2, 95, 110);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(JudgeTest, AReadOfWhatAnAcknowledgedWriteReplacedIsRefused) {
  write(1, 1, 10, 20);
  write(2, 1, 30, 40);
  read(1, 1, 50, 60);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("took its place")));
}

TEST_F(JudgeTest, AContentThatComesBackIsRefused) {
  write(1, 1, 10, 50);
  write(2, 1, 10, 50);
  read(1, 1, 11, 12);
  read(2, 1, 13, 14);
  read(1, 1, 15, 16);
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

TEST_F(JudgeTest, AContentOfNobodyIsRefused) {
  read(7, 1, 10, 20);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("which nobody wrote")));
}

TEST_F(JudgeTest, AnAcknowledgedWriteThatAKilledAgentLostIsRefused) {
  write(1, 1, 10, 20);
  cut(30, false);
  read(0, 1, 40, 50);
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

TEST_F(JudgeTest, OnlyTheLastSecondOfUnsyncedWritesMayGoWithThePower) {
  write(1, 1, 1 * second, 1 * second + 1);
  cut(2 * second, true);
  read(0, 1, 3 * second, 3 * second + 1);
  EXPECT_THAT(problems(), IsEmpty());
  anew();
  write(1, 1, 1 * second, 1 * second + 1);
  cut(9 * second, true);
  read(0, 1, 10 * second, 10 * second + 1);
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

TEST_F(JudgeTest, ADurableWriteThatWentWithThePowerIsRefused) {
  write(1, 1, 10, 20).durable = true;
  cut(30, true);
  read(0, 1, 40, 50);
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

// The first one's sync took long: it counted before the second, and was told after the third.
TEST_F(JudgeTest, WhatCameAfterADurableWriteNeedNotBeWhatWasThereWhenItWasTold) {
  write(1, 1, 10, 60).durable = true;
  write(2, 1, 20, 30).durable = true;
  write(3, 1, 40, 50);
  cut(70, true);
  read(2, 1, 80, 90);
  EXPECT_THAT(problems(), IsEmpty());
  anew();
  write(2, 1, 5, 8);
  write(1, 1, 10, 60).durable = true;
  write(3, 1, 40, 50);
  cut(70, true);
  read(2, 1, 80, 90);
  EXPECT_THAT(problems(), Not(IsEmpty())) << "the durable one came after it";
}

TEST_F(JudgeTest, AFailedWriteMayShowAfterAnOpeningOnlyAndNotOverALaterOne) {
  write(1, 1, 10, 20, Told::failed);
  cut(30, false);
  read(1, 1, 40, 50);
  EXPECT_THAT(problems(), IsEmpty());
  anew();
  write(1, 1, 10, 20, Told::failed);
  read(1, 1, 25, 28);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("told to have failed")));
  anew();
  write(1, 1, 10, 20, Told::failed);
  write(2, 1, 30, 40);
  cut(50, false);
  read(1, 1, 60, 70);
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

TEST_F(JudgeTest, TheOldGenerationAfterASwapIsRefused) {
  swap(Act::flush, 2, 10, 20);
  read(0, 2, 30, 40);
  read(0, 1, 50, 60);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("cannot have been live")));
}

TEST_F(JudgeTest, TheNewGenerationBeforeTheOldOneIsRefused) {
  swap(Act::flush, 2, 10, 100);
  read(0, 2, 20, 30);
  read(0, 1, 40, 50);
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

TEST_F(JudgeTest, AFlushThatLeavesSomethingIsRefused) {
  write(1, 1, 10, 20);
  swap(Act::flush, 2, 30, 40);
  read(1, 2, 50, 60);
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

TEST_F(JudgeTest, ABackupOfAnotherMomentIsRefused) {
  write(1, 1, 10, 20);
  write(2, 1, 30, 40);
  read(2, 1, 45, 48);
  backup("b", 50, 60);
  swap(Act::restore, 2, 70, 80, "b");
  read(1, 2, 90, 95);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("not there while it was made")));
}

TEST_F(JudgeTest, ARestoredGenerationThatPowerLossChangedIsRefused) {
  write(1, 1, 10, 20);
  read(1, 1, 25, 28);
  backup("b", 30, 40);
  swap(Act::restore, 2, 50, 60, "b");
  cut(70, true);
  read(0, 2, 80, 90);
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

TEST_F(JudgeTest, ADatabaseThatBeginsWithAnotherContentThanItsBackupIsRefused) {
  write(1, 1, 10, 20);
  read(1, 1, 25, 28);
  backup("b", 30, 40);
  create(1, 50, 60).backup = as_name("b");
  EXPECT_THAT(problems(), IsEmpty());
  create(0, 70, 80).backup = as_name("b");
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

TEST_F(JudgeTest, ACloneOfAnotherMomentIsRefused) {
  write(1, 1, 10, 20);
  read(1, 1, 25, 28);
  write(2, 1, 40, 60);
  create(1, 30, 50).clones = true;
  EXPECT_THAT(problems(), IsEmpty());
  anew();
  write(1, 1, 10, 20);
  write(2, 1, 30, 40);
  read(2, 1, 45, 48);
  create(1, 50, 60).clones = true;
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("clone")));
}

TEST_F(JudgeTest, AnEmptyDatabaseThatBeginsWithSomethingIsRefused) {
  write(1, 1, 10, 20);
  create(1, 50, 60);
  EXPECT_THAT(problems(), Not(IsEmpty()));
}

TEST_F(JudgeTest, ADatabaseThatIsServedAfterItsRemovalIsRefused) {
  create(0, 50, 60);
  add(Act::drop, 70, 80).database = 1;
  EXPECT_THAT(problems(), IsEmpty());
  read(0, 1, 90, 95).database = 1;
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("after its removal")));
}

TEST_F(JudgeTest, ASwapWithoutAnEndIsRefused) {
  add(Act::restore, 10, 0, Told::nothing);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("never came to an end")));
}

}  // namespace
}  // namespace restored::simulation
