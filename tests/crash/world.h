// What lasts over all kills of one seed: the agent's state and repository, the databases under
// load, and what the clients were told.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control_client.h"
#include "daemon_process.h"
#include "database_model.h"
#include "support/temporary_directory.h"
#include "told.h"

namespace restored::crash_test {

inline constexpr std::size_t loaded_count = 2;

class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The next agent, on the same state. One at a time.
  system_test::DaemonProcess& next_agent(const std::string& toml, const std::string& kill_point,
                                         bool new_admin_token = false);
  system_test::DaemonProcess& agent() { return *agent_; }
  bool wait_ready();  // false when it died first
  void kill_agent();
  // Clients end what they are doing and begin nothing more, until wake().
  void rest() { resting_ = true; }
  void wake() { resting_ = false; }
  bool resting() const { return resting_; }
  // The databases, and a backup of each. False when that fails.
  bool begin();

  // Any thread.
  void wrong(const std::string& what);
  std::vector<std::string> problems() const;
  std::string unique();  // a value that nobody wrote before
  std::uint64_t values() const;
  void told_operation(const std::string& id, const std::string& status);
  void asks_to_cancel(const std::string& id);
  void told_cancel(const std::string& id);
  void told_hold(const std::string& id);
  void asks_to_commit(const std::string& id);
  void told_commit(const std::string& id);
  void add_backup(const BackupPointer& backup);
  BackupPointer pick_backup(std::uint64_t random, const std::string& not_of = "") const;
  std::size_t complete_backups() const;
  BackupModel::State state_of(const BackupModel& backup) const;
  bool change_state(BackupModel& backup, BackupModel::State from, BackupModel::State to);

  std::string log_tail() const;
  const std::string& state() const { return state_; }
  const std::string& repository() const { return repository_; }

  std::array<Loaded, loaded_count> loaded;
  std::vector<Extra> extras;                   // of one thread
  std::vector<std::string> refused_passwords;  // rotated away, or of databases that are gone
  std::map<std::string, std::string> operations;
  std::set<std::string> cancels;    // asked for, answered or not
  std::set<std::string> cancelled;  // told to end so
  std::set<std::string> held;       // restores that are not to swap unasked
  std::set<std::string> commits;    // asked for, answered or not
  std::set<std::string> committed;  // told to go on to the swap
  std::vector<BackupPointer> backups;
  std::set<std::string> half_removed;  // backups whose removal was cut off, until a collection
  bool left_behind = false;  // objects may be, of backups that were cut off, cancelled or removed

 private:
  test::TemporaryDirectory directory_{test::memory_directory()};
  std::string state_ = directory_.file("state");
  std::string repository_ = directory_.file("repository");
  std::unique_ptr<system_test::DaemonProcess> agent_;
  std::vector<std::string> logs_;
  mutable std::mutex mutex_;   // of what any thread may ask for
  mutable std::mutex models_;  // of all databases and backups
  std::vector<std::string> problems_;
  std::atomic<bool> resting_ = false;
  std::uint64_t seed_;
  std::uint64_t values_ = 0;
};

// The generations of a database, as the agent tells them; nothing when it does not answer.
std::optional<Generations> generations_of(ControlClient& client, const std::string& database);
// Waits for an operation's end; empty when the agent is gone.
std::string end_of(ControlClient& client, const std::string& operation);
// What the clone holds its source held at some moment since it was asked for. False when the agent
// is gone.
bool check_clone(World& world, const Loaded& source);
// Waits for a restore until it holds (true), or has ended, or the agent is gone.
bool comes_to_hold(ControlClient& client, const std::string& operation);

}  // namespace restored::crash_test
