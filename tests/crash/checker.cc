#include "checker.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace restored::crash_test {
namespace {

using system_test::HttpAnswer;
using system_test::operation_of;
using system_test::RedisClient;
using State = BackupModel::State;

std::string text(const boost::json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::string without_prefix(const std::string& id) {
  return id.starts_with("db_") ? id.substr(3) : id;
}

}  // namespace

Checker::Checker(World& world)
    : world_(world), control_(world.agent().socket(), world.agent().token()) {}

HttpAnswer Checker::get(const std::string& path, int expected_status) {
  HttpAnswer answer = control_.call("GET", path);
  if (answer.status != expected_status) {
    world_.wrong("GET " + path + " is " + std::to_string(answer.status) + " " + answer.text +
                 ", not " + std::to_string(expected_status));
  }
  return answer;
}

void Checker::check() {
  end_operations();
  for (Loaded& database : world_.loaded) {
    settle_backup(database);
    settle_clone(database);
    settle_swap(database);
  }
  check_backups();
  for (Loaded& database : world_.loaded) {
    check_login(database.login, database.id);
    check_content(database);
    ask_again(database);
  }
  check_extras();
  for (const std::string& password : world_.refused_passwords) {
    if (RedisClient(world_.agent().port(), password).ok())
      world_.wrong("a password counts that was rotated away, or of a database that is gone");
  }
  check_leftovers();
}

// At most one can be there: its client waited for the answer.
const Checker::Ended* Checker::untold(const std::string& kind, const std::string& database) const {
  for (const auto& [id, operation] : ended_) {
    if (!operation.told && operation.kind == kind && operation.database == database)
      return &operation;
  }
  return nullptr;
}

void Checker::settle_backup(Loaded& database) {
  if (!database.making) return;
  const Making making = std::move(*database.making);
  database.making.reset();
  world_.left_behind = true;
  if (!making.backup) {
    const Ended* found = untold("backup", database.id);
    if (found == nullptr || found->status != "succeeded") return;
    // Nobody was told of it: it is a whole backup all the same.
    auto backup = std::make_shared<BackupModel>();
    backup->id = found->backup;
    backup->database = database.id;
    const std::string wrong = database.model->complete_backup(making.cut, *backup);
    if (!wrong.empty()) world_.wrong(wrong);
    world_.add_backup(backup);
    return;
  }
  if (world_.operations[making.operation] == "succeeded") {
    const std::string wrong = database.model->complete_backup(making.cut, *making.backup);
    if (!wrong.empty()) world_.wrong(wrong);
  } else {
    world_.change_state(*making.backup, State::running, State::gone);
  }
}

Happened Checker::swap_happened(const Loaded& database) const {
  if (database.swap_told != Happened::unknown) return database.swap_told;
  const auto ended = [](const std::string& status) {
    return status == "succeeded" ? Happened::yes : Happened::no;
  };
  if (!database.swap_operation.empty()) return ended(world_.operations.at(database.swap_operation));
  const Swap swap = database.model->swapping();
  if (swap == Swap::flush) return Happened::unknown;
  const Ended* found = untold(swap == Swap::undo ? "undo" : "restore", database.id);
  return found == nullptr ? Happened::no : ended(found->status);
}

// Made whole or not at all, and removed when it was to be; nobody needs it any more.
void Checker::settle_clone(Loaded& database) {
  if (!database.cloning) return;
  const HttpAnswer list = get("/v1/databases?limit=1000", 200);
  const boost::json::value* data = list.find("data");
  if (data == nullptr || !data->is_array()) return;
  const Cloning& clone = *database.cloning;
  std::string id;
  for (const auto& entry : data->get_array())
    if (text(entry.get_object(), "name") == clone.name) id = text(entry.get_object(), "id");
  if (id.empty() && !clone.id.empty() && !clone.removing)
    world_.wrong("clone " + clone.id + " is gone");
  if (!id.empty()) {
    expect_database(id);
    if (!clone.id.empty() && !check_clone(world_, database))
      world_.wrong("clone " + id + " cannot be read");
    const HttpAnswer removed = control_.call("DELETE", "/v1/databases/" + id);
    if (removed.status != 204) world_.wrong("clone " + id + " cannot be removed: " + removed.text);
    expected_.databases.erase(without_prefix(id));
  }
  database.cloning.reset();
}

void Checker::settle_swap(Loaded& database) {
  const auto seen = generations_of(control_, database.id);
  if (!seen) return world_.wrong("the generations of " + database.id + " are not told");
  const bool swapping = database.model->swapping() != Swap::none;
  const Happened happened = swapping ? swap_happened(database) : Happened::unknown;
  const std::string wrong = database.model->settle(happened, *seen);
  if (!wrong.empty()) world_.wrong(database.id + ": " + wrong);
  if (swapping && database.holds && database.swap_operation.empty()) {
    for (const auto& [id, operation] : ended_) {
      if (!operation.told && operation.kind == "restore" && operation.database == database.id &&
          operation.status == "succeeded" && !world_.commits.contains(id))
        world_.wrong("restore " + id + " was to hold, and has swapped though nobody committed it");
    }
  }
  database.holds = false;
  database.swap_operation.clear();
  database.swap_told = Happened::unknown;
}

void Checker::check_content(Loaded& database) {
  expect_database(database.id);
  RedisClient client(world_.agent().port(), database.login.password);
  auto content = client.content();
  if (!content) return world_.wrong(database.id + " cannot be read");
  if (!remove_ballast(*content)) world_.wrong(database.id + ": a value is not of its key");
  const std::string wrong = database.model->check(*content);
  if (!wrong.empty()) world_.wrong(database.id + ": " + wrong);
}

// The same request with the same key, whether it was answered or not: it has made one backup, or
// makes it now.
void Checker::ask_again(Loaded& database) {
  const Asked asked = std::exchange(database.asked, {});
  if (asked.key.empty()) return;
  std::string expected = asked.operation;
  for (const auto& [id, operation] : ended_) {
    if (expected.empty() && !operation.told && operation.kind == "backup" &&
        operation.database == database.id)
      expected = id;
  }
  const std::string path = "/v1/databases/" + database.id + "/backups";
  const DatabaseModel::Cut cut = database.model->begin_backup();
  const HttpAnswer answer = control_.call("POST", path, backup_body, asked.key);
  const std::string operation = operation_of(answer);
  if (answer.status != 201 || operation.empty()) {
    return world_.wrong("a backup that was asked for again: " + std::to_string(answer.status) +
                        " " + answer.text);
  }
  if (control_.call("POST", path, backup_body, asked.key).text != answer.text)
    world_.wrong("backup operation " + operation + " was answered in two ways");
  if (!expected.empty()) {
    if (operation != expected)
      world_.wrong("one request has made two backups: " + expected + " and " + operation);
    return;
  }
  if (ended_.contains(operation))
    return world_.wrong("a request was answered with another's operation " + operation);
  // It need not end well: a collection that a kill cut off keeps it waiting for ten minutes.
  world_.asks_to_cancel(operation);
  world_.left_behind = true;
  control_.call("DELETE", "/v1/operations/" + operation);
  const std::string status = end_of(control_, operation);
  world_.told_operation(operation, status);
  if (status == "cancelled") return;
  if (status != "succeeded")
    return world_.wrong("backup operation " + operation + " has " + status);
  auto backup = std::make_shared<BackupModel>();
  backup->id = answer.at("data.id");
  backup->database = database.id;
  const std::string wrong = database.model->complete_backup(cut, *backup);
  if (!wrong.empty()) world_.wrong(wrong);
  world_.add_backup(backup);
}

void Checker::expect_database(const std::string& id) {
  const HttpAnswer answer = get("/v1/databases/" + id, 200);
  if (answer.at("data.status") != "ready") world_.wrong(id + " is not ready: " + answer.text);
  // What went with an expired undo time meanwhile is no stray.
  if (const auto seen = generations_of(control_, id))
    expected_.databases[without_prefix(id)] = *seen;
}

void Checker::check_backups() {
  for (const BackupPointer& backup : world_.backups) {
    const State state = world_.state_of(*backup);
    const std::string path = "/v1/backups/" + backup->id;
    if (state == State::complete) {
      const HttpAnswer answer = get(path, 200);
      if (answer.at("data.status") != "completed")
        world_.wrong("backup " + backup->id + " is " + answer.text);
      continue;
    }
    world_.left_behind = true;
    const HttpAnswer answer = control_.call("GET", path);
    const bool there = answer.status == 200 && answer.at("data.status") == "completed";
    if (state == State::gone && there) world_.wrong("backup " + backup->id + " is there again");
    if (state != State::removing) continue;
    world_.half_removed.insert(backup->id);
    world_.change_state(*backup, State::removing, there ? State::complete : State::gone);
  }
}

void Checker::check_login(Login& login, const std::string& database) {
  const bool counts = RedisClient(world_.agent().port(), login.password).ok();
  if (!counts && !login.rotating) world_.wrong("the password of " + database + " does not count");
  if (!login.rotating) return;
  login.rotating = false;
  // The new one may be known to nobody.
  const HttpAnswer answer =
      control_.call("POST", "/v1/connections/" + login.connection + "/rotate");
  if (answer.status != 200) return world_.wrong("a rotation after the restart: " + answer.text);
  world_.refused_passwords.push_back(
      std::exchange(login.password, system_test::password_of(answer.at("data.connectionString"))));
}

void Checker::check_extras() {
  const HttpAnswer list = get("/v1/databases?limit=1000", 200);
  const boost::json::value* data = list.find("data");
  if (data == nullptr || !data->is_array()) return;
  std::map<std::string, std::string> ids;  // by name
  for (const auto& entry : data->get_array())
    ids[text(entry.get_object(), "name")] = text(entry.get_object(), "id");
  std::vector<Extra> kept;
  for (Extra& extra : world_.extras) {
    const auto found = ids.find(extra.name);
    const bool there = found != ids.end();
    const std::string id = there ? found->second : "";
    if (there) ids.erase(found);
    if (!there && !extra.id.empty() && !extra.removing)
      world_.wrong("database " + extra.id + " is gone");
    if (!there && extra.removing) world_.refused_passwords.push_back(extra.login.password);
    if (!there) continue;
    check_extra(extra, id);
    if (!extra.id.empty()) kept.push_back(std::move(extra));
  }
  world_.extras = std::move(kept);
  for (const auto& [name, id] : ids) {
    if (!name.starts_with("loaded")) world_.wrong("database " + name + " is there, unasked for");
  }
}

void Checker::check_extra(Extra& extra, const std::string& id) {
  if (extra.id.empty()) {
    // Nobody was told of it, nobody has its password.
    if (control_.call("DELETE", "/v1/databases/" + id).status != 204)
      world_.wrong("database " + id + ", made half told, cannot be removed");
    return;
  }
  expect_database(id);
  check_login(extra.login, id);
  extra.removing = false;
  const auto content = RedisClient(world_.agent().port(), extra.login.password).content();
  if (!content) return world_.wrong(id + " cannot be read");
  if (!extra.origin) {
    if (*content == extra.maybe_written) extra.written = extra.maybe_written;
    extra.maybe_written.clear();
    if (*content != extra.written) world_.wrong(id + ": " + difference(*content, {extra.written}));
    return;
  }
  for (std::size_t writer = 0; writer < writers_count; ++writer) {
    const std::vector<Content>& possible = extra.origin->contents[writer];
    const Content part = part_of(*content, writer);
    if (std::ranges::find(possible, part) == possible.end())
      world_.wrong(id + ", of backup " + extra.origin->id + ": " + difference(part, possible));
  }
}

void Checker::check_leftovers() {
  expected_.left_documents = world_.half_removed;
  for (const std::string& stray : stray_state(world_.state(), expected_))
    world_.wrong("left over: " + stray);
  for (const std::string& stray : stray_documents(world_.repository(), expected_))
    world_.wrong("left over: " + stray);
  const HttpAnswer dry = control_.call("POST", "/v1/repository/collect", R"({"dryRun":true})");
  const boost::json::value* unreadable = dry.find("data.backupsUnreadable");
  const boost::json::value* unreferenced = dry.find("data.objectsUnreferenced");
  if (dry.status != 200 || unreadable == nullptr || unreferenced == nullptr)
    return world_.wrong("a dry collection: " + std::to_string(dry.status) + " " + dry.text);
  if (*unreadable != 0) world_.wrong("there are backups that cannot be read: " + dry.text);
  if (*unreferenced != 0 && !world_.left_behind)
    world_.wrong("there are objects that nobody explains: " + dry.text);
}

void Checker::check_collection() {
  grow_old(world_.repository());
  const HttpAnswer done = control_.call("POST", "/v1/repository/collect", "{}");
  if (done.status != 200) return world_.wrong("a collection: " + done.text);
  const HttpAnswer dry = control_.call("POST", "/v1/repository/collect", R"({"dryRun":true})");
  for (const char* member : {"data.objectsUnreferenced", "data.documentsRemoved", "data.failed"}) {
    const boost::json::value* value = dry.find(member);
    if (value == nullptr || *value != 0)
      world_.wrong("after a collection, " + std::string(member) + ": " + dry.text);
  }
  for (const std::string& stray : stray_files(world_.repository()))
    world_.wrong("left over after a collection: " + stray);
  for (const BackupPointer& backup : world_.backups) {
    if (world_.state_of(*backup) != State::complete) continue;
    const HttpAnswer verify = control_.call("POST", "/v1/backups/" + backup->id + "/verify");
    const std::string operation = system_test::operation_of(verify);
    const std::string status = end_of(control_, operation);
    world_.told_operation(operation, status);
    if (status != "succeeded") world_.wrong("backup " + backup->id + " is not whole: " + status);
  }
  std::erase_if(world_.backups, [this](const BackupPointer& backup) {
    return world_.state_of(*backup) == State::gone;
  });
  world_.left_behind = false;
  world_.half_removed.clear();
}

}  // namespace restored::crash_test
