#include "controller.h"

#include <chrono>
#include <thread>
#include <utility>

namespace restored::crash_test {
namespace {

using system_test::HttpAnswer;
using system_test::operation_of;
using State = BackupModel::State;

constexpr std::uint64_t cancel_micros_max = 15'000;
constexpr std::size_t beginnings_max = 200;
constexpr std::size_t backups_kept = 4;

std::string described(const HttpAnswer& answer) {
  return std::to_string(answer.status) + " " + answer.text;
}

}  // namespace

Controller::Controller(World& world, Loaded& database, std::uint64_t seed)
    : world_(world),
      database_(database),
      random_(seed),
      control_(world.agent().socket(), world.agent().token()),
      data_(world.agent().port(), database.login.password) {}

void Controller::run_until_gone(const std::vector<Step>& first) {
  for (const Step step : first)
    if (!take(step)) return;
  constexpr Step some[] = {Step::backup,       Step::backup,        Step::cancelled_backup,
                           Step::restore,      Step::restore,       Step::restore_other,
                           Step::restore,      Step::undo,          Step::cancelled_restore,
                           Step::undo,         Step::flush,         Step::verify,
                           Step::restore,      Step::remove_backup, Step::cancelled_restore,
                           Step::held_restore, Step::dropped_hold,  Step::clone};
  while (!world_.resting() && take(some[below(std::size(some))])) {
  }
}

bool Controller::take(Step step) {
  switch (step) {
    case Step::backup:
    case Step::cancelled_backup:
      return back_up(step == Step::cancelled_backup);
    case Step::restore:
    case Step::cancelled_restore:
      return restore(world_.pick_backup(random_()), step == Step::cancelled_restore);
    case Step::restore_other:
      return restore(world_.pick_backup(random_(), database_.id), false);
    case Step::held_restore:
      return restore(world_.pick_backup(random_()), false, true);
    case Step::dropped_hold:
      return restore(world_.pick_backup(random_()), true, true);
    case Step::clone:
      return clone();
    case Step::undo:
      return undo();
    case Step::flush:
      return flush();
    case Step::remove_backup:
      return remove_backup();
    case Step::verify:
      return verify();
  }
  return false;
}

bool Controller::cancel(const std::string& operation, bool& alive) {
  std::this_thread::sleep_for(std::chrono::microseconds(below(cancel_micros_max)));
  world_.asks_to_cancel(operation);
  const HttpAnswer answer = control_.call("DELETE", "/v1/operations/" + operation);
  alive = answer.status != 0;
  if (answer.status == 202) world_.told_cancel(operation);
  if (alive && answer.status != 202 && answer.status != 409)
    world_.wrong("a cancel was answered with " + described(answer));
  return answer.status == 202;
}

bool Controller::back_up(bool cancelled) {
  if (database_.model->beginnings() > beginnings_max) return flush();
  database_.making = Making{database_.model->begin_backup(), nullptr, {}};
  database_.asked = Asked{std::to_string(random_()), {}};
  const HttpAnswer answer = control_.call("POST", "/v1/databases/" + database_.id + "/backups",
                                          backup_body, database_.asked.key);
  if (answer.status == 0) return false;
  Making& making = *database_.making;
  making.operation = operation_of(answer);
  database_.asked.operation = making.operation;
  if (answer.status != 201 || making.operation.empty()) {
    world_.wrong("a backup was answered with " + described(answer));
    database_.making.reset();
    return true;
  }
  world_.told_operation(making.operation, "running");
  making.backup = std::make_shared<BackupModel>();
  making.backup->id = answer.at("data.id");
  making.backup->database = database_.id;
  world_.add_backup(making.backup);
  bool alive = true;
  if (cancelled) cancel(making.operation, alive);
  if (!alive) return false;
  const std::string status = end_of(control_, making.operation);
  if (status.empty()) return false;
  world_.told_operation(making.operation, status);
  if (status == "succeeded") {
    const std::string wrong = database_.model->complete_backup(making.cut, *making.backup);
    if (!wrong.empty()) world_.wrong(wrong);
  } else {
    world_.change_state(*making.backup, State::running, State::gone);
    if (status != "cancelled" || !cancelled)
      world_.wrong("backup operation " + making.operation + " has " + status);
  }
  database_.making.reset();
  return true;
}

bool Controller::restore(const BackupPointer& source, bool cancelled, bool hold) {
  if (!source) return back_up(false);
  database_.swap_operation.clear();
  database_.swap_told = Happened::unknown;
  database_.holds = hold;
  database_.model->begin_swap(Swap::restore, source);
  const std::string body = R"({"source":{"type":"backup","databaseId":")" + source->database +
                           R"(","backupId":")" + source->id + R"("}})";
  const HttpAnswer answer = control_.call("POST", "/v1/databases/" + database_.id + "/restore",
                                          body, "", hold ? "hold=stage" : "");
  if (answer.status == 0) return false;
  if (answer.status != 200) {
    // The other database's client may be removing it.
    if (world_.state_of(*source) == State::complete)
      world_.wrong("a restore was answered with " + described(answer));
    return settle(Happened::no);
  }
  const std::string operation = operation_of(answer);
  world_.told_operation(operation, "running");
  database_.swap_operation = operation;
  if (hold) world_.told_hold(operation);
  if (hold) comes_to_hold(control_, operation);
  bool alive = !hold || cancelled || commit(operation);
  const bool told = cancelled && cancel(operation, alive);
  return alive && end_restore(operation, cancelled, told);
}

// Whether the agent is still there.
bool Controller::commit(const std::string& operation) {
  world_.asks_to_commit(operation);
  const HttpAnswer answer = control_.call("POST", "/v1/operations/" + operation + "/commit");
  if (answer.status == 200) {
    world_.told_commit(operation);
  } else if (answer.status != 0) {
    world_.wrong("a commit was answered with " + described(answer));
  }
  return answer.status != 0;
}

bool Controller::end_restore(const std::string& operation, bool cancelled, bool cancel_told) {
  const std::string status = end_of(control_, operation);
  if (status.empty()) return false;
  world_.told_operation(operation, status);
  if (status == "succeeded") {
    if (cancel_told) world_.wrong("restore " + operation + " was cancelled, and has succeeded");
    return settle(Happened::yes);
  }
  if (status != "cancelled" || !cancelled)
    world_.wrong("restore operation " + operation + " has " + status);
  return settle(Happened::no);
}

bool Controller::undo() {
  database_.swap_operation.clear();
  database_.swap_told = Happened::unknown;
  database_.model->begin_swap(Swap::undo);
  const HttpAnswer answer =
      control_.call("POST", "/v1/databases/" + database_.id + "/restore/undo");
  if (answer.status == 0) return false;
  if (answer.status != 200) {
    if (answer.text.find("nothing-to-undo") == std::string::npos)
      world_.wrong("an undo was answered with " + described(answer));
    return settle(Happened::no);
  }
  world_.told_operation(operation_of(answer), "succeeded");
  return settle(Happened::yes);
}

bool Controller::flush() {
  database_.swap_operation.clear();
  database_.swap_told = Happened::unknown;
  database_.model->begin_swap(Swap::flush);
  const std::string answer = data_.command({"FLUSHALL"});
  if (answer == "OK") return settle(Happened::yes);
  if (answer.starts_with("(disconnected)")) return false;
  world_.wrong("FLUSHALL was answered with " + answer);
  return settle(Happened::no);
}

bool Controller::settle(Happened happened) {
  database_.swap_told = happened;
  const auto seen = generations_of(control_, database_.id);
  if (!seen) return false;
  const std::string wrong = database_.model->settle(happened, *seen);
  if (!wrong.empty()) world_.wrong(database_.id + ": " + wrong);
  database_.swap_operation.clear();
  database_.swap_told = Happened::unknown;
  return wrong.empty();
}

bool Controller::clone() {
  if (database_.model->beginnings() > beginnings_max) return flush();
  Cloning& cloning = database_.cloning.emplace();
  cloning.cut = database_.model->begin_backup();
  cloning.name = "clone" + world_.unique();
  const HttpAnswer answer =
      control_.call("POST", "/v1/databases",
                    R"({"projectId":"proj_test","name":")" + cloning.name +
                        R"(","source":{"type":"database","databaseId":")" + database_.id + "\"}}");
  if (answer.status == 0) return false;
  if (answer.status != 201) {
    world_.wrong("a clone was answered with " + described(answer));
    database_.cloning.reset();
    return true;
  }
  const auto made = system_test::created_database(answer);
  cloning.id = made.id;
  cloning.password = made.password;
  cloning.operation = operation_of(answer);
  world_.told_operation(cloning.operation, "running");
  const std::string status = end_of(control_, cloning.operation);
  if (status.empty()) return false;
  world_.told_operation(cloning.operation, status);
  if (status != "succeeded") world_.wrong("clone " + cloning.operation + " has " + status);
  if (!check_clone(world_, database_)) return false;
  cloning.removing = true;
  const HttpAnswer removed = control_.call("DELETE", "/v1/databases/" + cloning.id);
  if (removed.status == 0) return false;
  if (removed.status != 204)
    world_.wrong("the removal of a clone was answered with " + described(removed));
  database_.cloning.reset();
  return true;
}

bool Controller::remove_backup() {
  const BackupPointer backup = world_.pick_backup(random_());
  if (world_.complete_backups() <= backups_kept || !backup) return back_up(false);
  if (!world_.change_state(*backup, State::complete, State::removing)) return true;
  const HttpAnswer answer = control_.call("DELETE", "/v1/backups/" + backup->id);
  if (answer.status == 0) return false;
  const bool gone = answer.status == 204;
  world_.change_state(*backup, State::removing, gone ? State::gone : State::complete);
  // Somebody restores it.
  if (!gone && answer.status != 409)
    world_.wrong("the removal of a backup was answered with " + described(answer));
  return true;
}

bool Controller::verify() {
  const BackupPointer backup = world_.pick_backup(random_());
  if (!backup) return back_up(false);
  const HttpAnswer answer = control_.call("POST", "/v1/backups/" + backup->id + "/verify");
  if (answer.status == 0) return false;
  if (answer.status != 202) {
    if (world_.state_of(*backup) == State::complete)
      world_.wrong("a verification was answered with " + described(answer));
    return true;
  }
  const std::string operation = operation_of(answer);
  world_.told_operation(operation, "running");
  const std::string status = end_of(control_, operation);
  if (status.empty()) return false;
  world_.told_operation(operation, status);
  if (status != "succeeded") world_.wrong("verification " + operation + " has " + status);
  return true;
}

}  // namespace restored::crash_test
