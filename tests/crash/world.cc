#include "world.h"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "support/wait_until.h"

namespace restored::crash_test {

using system_test::DaemonProcess;
using system_test::HttpAnswer;

World::World(std::uint64_t seed) : seed_(seed) {}

World::~World() = default;

DaemonProcess& World::next_agent(const std::string& toml, const std::string& kill_point,
                                 bool new_admin_token) {
  if (agent_) logs_.push_back(agent_->log());
  const std::string config = directory_.file("restored.toml");
  test::write_file(config, toml);
  DaemonProcess::Options options;
  options.state = state_;
  options.repository = repository_;
  options.arguments = {"--config", config};
  if (new_admin_token) options.arguments.emplace_back("--new-admin-token");
  options.environment["RESTORED_KILL_POINT"] = kill_point;
  agent_ = std::make_unique<DaemonProcess>(options);
  agent_->launch();
  return *agent_;
}

bool World::wait_ready() {
  const auto ready = [this] {
    if (!agent_->running()) return true;
    ControlClient client(agent_->socket(), "");
    return client.call("GET", "/readyz").status == 200;
  };
  if (!test::wait_until(ready, std::chrono::seconds(60))) wrong("it is not ready after a minute");
  return agent_->running();
}

void World::kill_agent() {
  agent_->kill();
}

bool World::begin() {
  ControlClient client(agent_->socket(), agent_->token());
  for (std::size_t i = 0; i < loaded_count; ++i) {
    const std::string name = "loaded" + std::to_string(i);
    const auto made = system_test::created_database(client.call(
        "POST", "/v1/databases", R"({"projectId":"proj_test","name":")" + name + "\"}"));
    const auto generations = generations_of(client, made.id);
    if (made.id.empty() || !generations) return false;
    loaded[i].id = made.id;
    loaded[i].login = {made.connection, made.password, false};
    loaded[i].model = std::make_unique<DatabaseModel>(models_, *generations);
  }
  return true;
}

void World::wrong(const std::string& what) {
  const std::lock_guard lock(mutex_);
  problems_.push_back(what);
}

std::vector<std::string> World::problems() const {
  std::vector<std::string> all;
  for (const Loaded& database : loaded) {
    if (database.model && !database.model->problem().empty())
      all.push_back(database.id + ": " + database.model->problem());
  }
  const std::lock_guard lock(mutex_);
  all.insert(all.end(), problems_.begin(), problems_.end());
  return all;
}

std::string World::unique() {
  const std::lock_guard lock(mutex_);
  return std::to_string(seed_) + "." + std::to_string(++values_);
}

std::uint64_t World::values() const {
  const std::lock_guard lock(mutex_);
  return values_;
}

void World::told_operation(const std::string& id, const std::string& status) {
  const std::lock_guard lock(mutex_);
  operations[id] = status;
}

void World::asks_to_cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  cancels.insert(id);
}

void World::told_cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  cancelled.insert(id);
}

void World::told_hold(const std::string& id) {
  const std::lock_guard lock(mutex_);
  held.insert(id);
}

void World::asks_to_commit(const std::string& id) {
  const std::lock_guard lock(mutex_);
  commits.insert(id);
}

void World::told_commit(const std::string& id) {
  const std::lock_guard lock(mutex_);
  committed.insert(id);
}

void World::add_backup(const BackupPointer& backup) {
  const std::lock_guard lock(mutex_);
  backups.push_back(backup);
}

BackupPointer World::pick_backup(std::uint64_t random, const std::string& not_of) const {
  const std::lock_guard lock(mutex_);
  const std::lock_guard states(models_);
  std::vector<BackupPointer> complete;
  for (const BackupPointer& backup : backups) {
    if (backup->state == BackupModel::State::complete && backup->database != not_of)
      complete.push_back(backup);
  }
  return complete.empty() ? nullptr : complete[random % complete.size()];
}

std::size_t World::complete_backups() const {
  const std::lock_guard lock(mutex_);
  const std::lock_guard states(models_);
  return static_cast<std::size_t>(std::ranges::count(
      backups, BackupModel::State::complete, [](const auto& backup) { return backup->state; }));
}

BackupModel::State World::state_of(const BackupModel& backup) const {
  const std::lock_guard lock(models_);
  return backup.state;
}

bool World::change_state(BackupModel& backup, BackupModel::State from, BackupModel::State to) {
  const std::lock_guard lock(models_);
  if (backup.state != from) return false;
  backup.state = to;
  return true;
}

std::string World::log_tail() const {
  std::string text;
  const std::size_t begin = logs_.size() > 3 ? logs_.size() - 3 : 0;
  for (std::size_t i = begin; i < logs_.size(); ++i) text += logs_[i] + "-- the next agent\n";
  return text + (agent_ ? agent_->log() : "");
}

std::optional<Generations> generations_of(ControlClient& client, const std::string& database) {
  const HttpAnswer answer = client.call("GET", "/v1/databases/" + database + "/restore/undo");
  const boost::json::value* live = answer.find("data.generation");
  const boost::json::value* previous = answer.find("data.previousGeneration");
  if (answer.status != 200 || live == nullptr || previous == nullptr) return std::nullopt;
  Generations generations{live->to_number<std::uint64_t>(), std::nullopt};
  if (!previous->is_null()) generations.previous = previous->to_number<std::uint64_t>();
  return generations;
}

std::string end_of(ControlClient& client, const std::string& operation) {
  const HttpAnswer answer = client.call("GET", "/v1/operations/" + operation + "/wait?timeout=30");
  return answer.at("data.status");
}

bool check_clone(World& world, const Loaded& source) {
  const Cloning& clone = *source.cloning;
  BackupModel expected;
  std::string wrong = source.model->complete_backup(clone.cut, expected);
  system_test::RedisClient client(world.agent().port(), clone.password);
  if (!client.ok()) return false;
  auto content = client.content();
  if (!content) return false;
  if (!remove_ballast(*content)) wrong += " a value is not of its key";
  std::size_t known = 0;
  for (std::size_t writer = 0; writer < writers_count; ++writer) {
    const std::vector<Content>& possible = expected.contents[writer];
    const Content part = part_of(*content, writer);
    known += part.size();
    if (std::ranges::find(possible, part) == possible.end()) wrong += difference(part, possible);
  }
  if (known != content->size()) wrong += " there are keys that nobody wrote";
  if (!wrong.empty()) world.wrong(clone.id + ", a clone of " + source.id + ": " + wrong);
  return true;
}

bool comes_to_hold(ControlClient& client, const std::string& operation) {
  bool holds = false;
  test::wait_until([&] {
    const HttpAnswer answer = client.call("GET", "/v1/operations/" + operation);
    // What is committed says so by having no time any more.
    holds = answer.at("data.phase") == "staged" && !answer.at("data.heldUntil").empty();
    return holds || answer.at("data.status") != "running";
  });
  return holds;
}

}  // namespace restored::crash_test
