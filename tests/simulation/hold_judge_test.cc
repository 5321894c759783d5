// Whether the judge of holds takes what can be true, and refuses what cannot.
#include "hold_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ledger.h"
#include "restored/error.h"

namespace restored::simulation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class HoldJudgeTest : public testing::Test {
 protected:
  HoldJudgeTest() {
    ledger_.clear();
    ledger_.hold_nanos = 100;
  }
  ~HoldJudgeTest() override { ledger_.clear(); }

  Event& add(Act act, std::int64_t begin, std::int64_t end, Told told) {
    Event& event = *ledger_.add(act, 0, begin);
    event.operation = as_name("o");
    event.end = end;
    event.told = told;
    return event;
  }
  void held(std::int64_t begin, std::int64_t end, Told told) {
    add(Act::restore, begin, end, told).holds = true;
  }
  void failed(Act act, std::int64_t begin, std::int64_t end, ErrorCode code) {
    Event& event = add(act, begin, end, Told::failed);
    event.code = static_cast<std::uint32_t>(code);
    event.holds = act == Act::restore;
  }
  std::vector<std::string> problems() { return judge_holds(ledger_); }

  Ledger& ledger_ = Ledger::shared();
};

TEST_F(HoldJudgeTest, ASwapAfterACommitIsTaken) {
  held(10, 50, Told::done);
  add(Act::commit, 20, 30, Told::done);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(HoldJudgeTest, ASwapWithoutACommitIsRefused) {
  held(10, 50, Told::done);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("before anybody committed")));
}

TEST_F(HoldJudgeTest, ASwapBeforeItsCommitIsRefused) {
  held(10, 50, Told::done);
  add(Act::commit, 60, 70, Told::done);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("before anybody committed")));
}

TEST_F(HoldJudgeTest, ASwapWhoseCommitWasRefusedIsRefused) {
  held(10, 50, Told::done);
  failed(Act::commit, 20, 30, ErrorCode::operation_ended);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("every commit of it was refused")));
}

TEST_F(HoldJudgeTest, AnExpiryAfterAnAcceptedCommitIsRefused) {
  failed(Act::restore, 10, 500, ErrorCode::stage_expired);
  EXPECT_THAT(problems(), IsEmpty());
  add(Act::commit, 20, 30, Told::done);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("too late")));
}

TEST_F(HoldJudgeTest, AnExpiryBeforeItsTimeIsRefused) {
  failed(Act::restore, 10, 90, ErrorCode::stage_expired);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("for as long as it may")));
}

TEST_F(HoldJudgeTest, AnExpiryIsATimeOfTheWallClock) {
  failed(Act::restore, 10, 90, ErrorCode::stage_expired);
  add(Act::set, 50, 50, Told::done);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(HoldJudgeTest, ACancellationOfNobodyIsRefused) {
  held(10, 50, Told::cancelled);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("cancelled by nobody")));
}

}  // namespace
}  // namespace restored::simulation
