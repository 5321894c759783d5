#include "lifecycle.h"

#include <utility>

namespace restored::crash_test {
namespace {

using system_test::HttpAnswer;
using system_test::RedisClient;

constexpr std::size_t extras_max = 3;

std::string described(const HttpAnswer& answer) {
  return std::to_string(answer.status) + " " + answer.text;
}

}  // namespace

Lifecycle::Lifecycle(World& world, std::uint64_t seed)
    : world_(world), random_(seed), control_(world.agent().socket(), world.agent().token()) {}

void Lifecycle::run_until_gone(const std::vector<LifecycleStep>& first) {
  for (const LifecycleStep step : first)
    if (!take(step)) return;
  constexpr LifecycleStep some[] = {
      LifecycleStep::create, LifecycleStep::rotate, LifecycleStep::create_from_backup,
      LifecycleStep::rotate, LifecycleStep::remove, LifecycleStep::collect};
  while (!world_.resting() && take(some[random_() % std::size(some)])) {
  }
}

bool Lifecycle::take(LifecycleStep step) {
  switch (step) {
    case LifecycleStep::create:
      return create(nullptr);
    case LifecycleStep::create_from_backup:
      return create(world_.pick_backup(random_()));
    case LifecycleStep::remove:
      return remove();
    case LifecycleStep::rotate:
      return rotate();
    case LifecycleStep::collect:
      return collect();
  }
  return false;
}

bool Lifecycle::create(const BackupPointer& origin) {
  if (world_.extras.size() >= extras_max) return remove();
  Extra& extra = world_.extras.emplace_back();
  extra.name = "extra" + world_.unique();
  extra.origin = origin;
  std::string body = R"({"projectId":"proj_test","name":")" + extra.name + "\"";
  if (origin) {
    body += R"(,"source":{"type":"backup","databaseId":")" + origin->database +
            R"(","backupId":")" + origin->id + R"("})";
  }
  const HttpAnswer answer = control_.call("POST", "/v1/databases", body + "}");
  if (answer.status == 0) return false;
  if (answer.status != 201) {
    // Somebody may be removing the backup.
    if (!origin || world_.state_of(*origin) == BackupModel::State::complete)
      world_.wrong("the creation of a database was answered with " + described(answer));
    world_.extras.pop_back();
    return true;
  }
  const auto made = system_test::created_database(answer);
  extra.id = made.id;
  extra.login = {made.connection, made.password, false};
  return fill(extra, system_test::operation_of(answer));
}

// Waits for its content, or writes some.
bool Lifecycle::fill(Extra& extra, const std::string& operation) {
  if (!operation.empty()) {
    world_.told_operation(operation, "running");
    const std::string status = end_of(control_, operation);
    if (status.empty()) return false;
    world_.told_operation(operation, status);
    if (status != "succeeded") world_.wrong("the first restore of " + extra.id + " has " + status);
    extra.restored = true;
    return true;
  }
  RedisClient client(world_.agent().port(), extra.login.password);
  const std::string value = world_.unique();
  const std::string answer = client.command({"SET", prefix_of(0) + "only", value});
  if (answer.starts_with("(disconnected)")) {
    extra.maybe_written = {{prefix_of(0) + "only", value}};
    return false;
  }
  if (answer != "OK") world_.wrong("a write to " + extra.id + " was answered with " + answer);
  extra.written = {{prefix_of(0) + "only", value}};
  return true;
}

bool Lifecycle::remove() {
  if (world_.extras.empty()) return create(nullptr);
  const std::size_t index = random_() % world_.extras.size();
  Extra& extra = world_.extras[index];
  extra.removing = true;
  const HttpAnswer answer = control_.call("DELETE", "/v1/databases/" + extra.id);
  if (answer.status == 0) return false;
  if (answer.status != 204) {
    world_.wrong("the removal of a database was answered with " + described(answer));
    extra.removing = false;
    return true;
  }
  world_.refused_passwords.push_back(extra.login.password);
  world_.extras.erase(world_.extras.begin() + static_cast<std::ptrdiff_t>(index));
  return true;
}

bool Lifecycle::rotate() {
  const std::size_t index = random_() % (loaded_count + world_.extras.size());
  Login& login =
      index < loaded_count ? world_.loaded[index].login : world_.extras[index - loaded_count].login;
  login.rotating = true;
  const HttpAnswer answer =
      control_.call("POST", "/v1/connections/" + login.connection + "/rotate");
  if (answer.status == 0) return false;
  if (answer.status != 200) {
    world_.wrong("a rotation was answered with " + described(answer));
    return true;
  }
  world_.refused_passwords.push_back(
      std::exchange(login.password, system_test::password_of(answer.at("data.connectionString"))));
  login.rotating = false;
  return true;
}

bool Lifecycle::collect() {
  const HttpAnswer answer = control_.call("POST", "/v1/repository/collect", "{}");
  // One that a removed backup asked for may be running.
  if (answer.status != 0 && answer.status != 200 && answer.status != 409)
    world_.wrong("a collection was answered with " + described(answer));
  return answer.status != 0;
}

}  // namespace restored::crash_test
