// Operations that stand at one step, or wait for their turn, as who asks sees them.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <vector>

#include "control_test.h"
#include "restore/open_engine.h"
#include "restored/limits.h"
#include "step_gate.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

class GatedTest : public ControlTest {
 protected:
  Result<std::unique_ptr<Engine>> open(EngineOptions options) override {
    restore::EngineSeams seams;
    seams.step = gate_.hook();
    return restore::open_engine(std::move(options), seams);
  }
  void SetUp() override {
    ControlTest::SetUp();
    source_ = make_database("source", 10);
    backup_ = make_backup(source_);
  }
  void TearDown() override {
    gate_.let_go();
    ControlTest::TearDown();
  }
  HttpAnswer restore(const DatabaseId& target) {
    return post(restore_path(target), restore_body(source_, backup_));
  }

  test::StepGate gate_{"none"};
  DatabaseId source_;
  BackupId backup_;
};

TEST_F(GatedTest, ACancelInTheSwapIs409AndNotToBeRepeated) {
  gate_.hold("restore.run.in-gate");
  const DatabaseId target = make_database("target", 2);
  const HttpAnswer begun = restore(target);
  ASSERT_TRUE(gate_.wait_reached()) << begun.text;
  const std::string path = begun.header("operation-location");
  EXPECT_EQ(get(path).at("data.mayCancel"), false);
  const HttpAnswer refused = call("DELETE", path);
  expect_error(refused, 409, "past-point-of-no-return");
  EXPECT_EQ(refused.header("retry-after"), "");
  gate_.let_go();
  EXPECT_EQ(ended_operation_of(begun).state, OperationState::succeeded);
  EXPECT_TRUE(*engine_->keyspace(target)->pin()->get("kkey9"));
}

TEST_F(GatedTest, WhoWaitsForItsTurnIsToldItsPlace) {
  gate_.hold("restore.run.after-reserve");
  std::vector<HttpAnswer> begun;
  for (unsigned index = 0; index < limits::operations_running_max + 2; ++index) {
    begun.push_back(restore(make_database("target" + std::to_string(index), 0)));
    ASSERT_EQ(begun.back().status, 200) << begun.back().text;
  }
  const auto place = [&](std::size_t index) {
    const HttpAnswer shown = get(begun[index].header("operation-location"));
    expect_members(shown.at("data"), operation_members);
    EXPECT_EQ(shown.word("data.status"), "running");
    return boost::json::serialize(shown.at("data.queuePosition"));
  };
  const std::size_t first = limits::operations_running_max;
  EXPECT_TRUE(test::wait_until([&] { return place(first) == "1" && place(first + 1) == "2"; }));
  for (std::size_t index = 0; index < first; ++index) EXPECT_EQ(place(index), "null");
  EXPECT_EQ(call("DELETE", begun[first].header("operation-location")).status, 202);
  EXPECT_TRUE(test::wait_until([&] { return place(first + 1) == "1"; })) << "it moves up";
  gate_.let_go();
  for (std::size_t index = 0; index < begun.size(); ++index) {
    EXPECT_EQ(ended_operation_of(begun[index]).state,
              index == first ? OperationState::cancelled : OperationState::succeeded);
  }
}

}  // namespace
}  // namespace restored::control
