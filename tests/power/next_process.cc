#include "next_process.h"

#include <chrono>
#include <memory>
#include <utility>

#include "base/check.h"
#include "judge.h"

namespace restored::test {
namespace {

void note_ends(Engine& engine, Expected& expected) {
  for (auto& [id, operation] : expected.operations) {
    const auto view = engine.operation(id);
    if (view && view->state != OperationState::running) operation.told = view->state;
  }
  for (auto& [id, backup] : expected.backups) {
    const auto info = engine.backup(id);
    const bool there = info && info->status == BackupStatus::completed;
    if (backup.presence == Presence::coming && there) backup.presence = Presence::there;
  }
}

void remove_again(Engine& engine, Expected& expected) {
  for (auto& [id, backup] : expected.backups) {
    if (backup.presence != Presence::going) continue;
    const auto removed = engine.remove_backup(id);
    if (removed || removed.error().code == ErrorCode::backup_not_found)
      backup.presence = Presence::gone;
  }
}

void back_up_all(Engine& engine, Expected& expected) {
  for (const DatabaseInfo& info : engine.databases()) {
    const auto content = read_all(engine, info.id);
    const auto started = engine.start_backup(info.id, "next", "test");
    if (!content || !started) continue;  // the judge says what is wrong with it
    const auto ended = engine.wait_operation(started->id, std::chrono::minutes(1), {});
    RESTORED_CHECK(ended.has_value(), "it ends within a minute");
    expected.operations[started->id] = {info.id, OperationKind::backup, ended->state, false};
    if (ended->state != OperationState::succeeded) continue;
    expected.backups[started->backup] = {info.id, std::make_shared<const Content>(*content),
                                         Presence::there};
  }
}

}  // namespace

std::vector<Cut> cuts_of_next_process(Engine& engine, const Cut& killed) {
  Expected expected = killed.expected;
  note_ends(engine, expected);
  remove_again(engine, expected);
  back_up_all(engine, expected);
  std::vector<Cut> cuts;
  for (const Survival survival : {Survival::nothing, Survival::any, Survival::in_order}) {
    Cut& cut = cuts.emplace_back();
    cut.place = "after the next process had told of it";
    cut.survival = survival;
    cut.seed = killed.seed;
    cut.expected = expected;
    cut.left = killed.left->power_cut(survival, killed.seed);
  }
  return cuts;
}

}  // namespace restored::test
