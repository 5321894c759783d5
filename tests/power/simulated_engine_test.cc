// A whole engine on simulated disks, none of it beside them.
#include <gtest/gtest.h>

#include <filesystem>

#include "simulated_host.h"

namespace restored::test {
namespace {

TEST(SimulatedEngineTest, BacksUpRestoresAndOpensAgainWithoutTheRealDisk) {
  SimulatedDisk state;
  SimulatedDisk repository;
  const Content content = records("key:", 500, 1);
  DatabaseId id;
  {
    SimulatedHost host(state, &repository);
    host->open();
    id = host->make_database("orders");
    host->put(id, content);
    const BackupId backup = host->back_up(id);
    host->put(id, records("later:", 10, 2));
    EXPECT_EQ(host->restore(id, backup).state, OperationState::succeeded);
    EXPECT_EQ(host->content(id), content);
    host->close();
  }
  EXPECT_GT(repository.plan().count(DiskCall::write), 0u);
  EXPECT_FALSE(std::filesystem::exists(SimulatedHost::state_directory));
  const auto left = state.power_cut(Survival::nothing, 1);
  const auto left_repository = repository.power_cut(Survival::nothing, 1);
  SimulatedHost again(*left, left_repository.get());
  again->open();
  EXPECT_EQ(again->content(id), content);
  again->close();
}

// Without the note an unmounted repository would be begun anew.
TEST(SimulatedEngineTest, TheNoteOfItsRepositoryIsDurableForTheAgentAfterAKilledOne) {
  SimulatedDisk disk;
  std::unique_ptr<SimulatedDisk> killed;
  const std::string state = SimulatedHost::state_directory;
  {
    SimulatedHost host(disk);
    bool named = false;
    disk.plan().before_each([&](DiskCall call, const std::string& path) {
      if (call == DiskCall::rename && path == state + "/repository") named = true;
      if (named && !killed && call == DiskCall::sync_directory && path == state)
        killed = disk.process_death();
    });
    host->open();
    disk.plan().before_each(nullptr);
    host->close();
  }
  ASSERT_TRUE(killed);
  EXPECT_FALSE(killed->power_cut(Survival::nothing, 1)->stat(state + "/repository"));
  SimulatedHost next(*killed);
  next->open();
  EXPECT_TRUE(killed->power_cut(Survival::nothing, 1)->stat(state + "/repository"));
  next->close();
}

}  // namespace
}  // namespace restored::test
