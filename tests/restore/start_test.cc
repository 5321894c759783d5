// What a start finds and cannot clean up keeps no database from being served.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>

#include "failing_registry.h"
#include "history.h"
#include "step_gate.h"
#include "support/fault_files.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class StartTest : public History {
 protected:
  StartTest() {
    host_.seams.files = &files_;
    plan_.only("/databases");
  }
  void TearDown() override {
    plan_.clear();
    if (!HasFatalFailure()) host_.close();  // before what its seams point to
  }

  std::string databases() const { return directory_.file("state/databases"); }
  void nothing_can_be_removed() {
    plan_.clear();
    plan_.fail_from(Call::remove_tree, 1, ErrorCode::io_error);
  }
  void expect_served() {
    EXPECT_EQ(host_.content(database_), now_);
    EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
    host_.put(database_, {{"after", "the start"}});
    now_["after"] = "the start";
  }

  FaultPlan plan_;
  FaultFileSystem files_{io::system_files(), plan_};
};

TEST_F(StartTest, StrayStagingThatCannotBeRemovedGoesLater) {
  host_.open();
  make_history();
  host_.close();
  const std::string staging = databases() + "/" + database_.value + "/staging/";
  for (const std::string stray : {"unknown", "another"}) {
    fs::create_directories(staging + stray + "/files");
    write_file(staging + stray + "/files/000013.sst", "staged");
  }
  write_file(staging + "unknown.ended", "a mark");
  nothing_can_be_removed();
  const Result<void> opened = host_.try_open();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_GT(plan_.failures(), 0u);
  expect_served();
  EXPECT_TRUE(fs::exists(staging + "unknown/files/000013.sst"));
  plan_.clear();
  EXPECT_TRUE(wait_until([&] { return host_.staged_files(database_).empty(); }));
  expect_served();
}

TEST_F(StartTest, ADirectoryOfNobodyThatCannotBeRemovedGoesAtTheNextStart) {
  host_.open();
  make_history();
  host_.close();
  fs::create_directories(databases() + "/nobody/staging");
  fs::create_directories(databases() + "/somebody");
  nothing_can_be_removed();
  const Result<void> opened = host_.try_open();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_GE(plan_.failures(), 2u) << "one that stays does not keep the other";
  expect_served();
  plan_.clear();
  restart();
  EXPECT_FALSE(fs::exists(databases() + "/nobody"));
  EXPECT_FALSE(fs::exists(databases() + "/somebody"));
  expect_served();
}

TEST_F(StartTest, ADirectoryThatCannotBeListedIsLookedAtAtTheNextStart) {
  host_.open();
  make_history();
  host_.close();
  fs::create_directories(databases() + "/nobody");
  plan_.fail(Call::list, 1, ErrorCode::io_error);
  const Result<void> opened = host_.try_open();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(plan_.failures(), 1u);
  expect_served();
}

// The disk of an agent that was killed while it made a database.
TEST_F(StartTest, AHalfMadeDatabaseThatCannotBeRemovedKeepsNobodyFromBeingServed) {
  StepGate gate("restore.create.after-connection");
  host_.open();
  make_history();
  host_.close();
  host_.seams.step = gate.hook();
  host_.open();
  std::jthread client([&] { host_.make_database("half"); });
  ASSERT_TRUE(gate.wait_reached());
  fs::copy(directory_.file("state"), directory_.file("copy"), fs::copy_options::recursive);
  gate.let_go();
  client.join();
  const std::string half = host_.engine().databases().back().id.value;
  ASSERT_NE(half, database_.value);
  host_.close();
  fs::remove_all(directory_.file("state"));
  fs::rename(directory_.file("copy"), directory_.file("state"));
  RegistryFaults faults;
  host_.seams.wrap_registry = faults.wrap();
  faults.refuse_all = true;
  nothing_can_be_removed();
  for (int time = 0; time < 2; ++time) {
    const Result<void> opened = host_.try_open();
    ASSERT_TRUE(opened) << opened.error().message;
    expect_served();
    EXPECT_TRUE(fs::exists(databases() + "/" + half)) << "nothing could be removed";
    faults.refuse_all = false;
    host_.close();
  }
  plan_.clear();
  host_.open();
  EXPECT_FALSE(fs::exists(databases() + "/" + half));
  EXPECT_EQ(host_.engine().databases().size(), 1u);
  expect_served();
}

}  // namespace
}  // namespace restored::test
