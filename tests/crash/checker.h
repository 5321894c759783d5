// After a restart, when nobody else is there: whether everything is as the clients were told. What
// they were told nothing of may have happened or not; from now on it is known.
#pragma once

#include <map>
#include <string>

#include "leftovers.h"
#include "world.h"

namespace restored::crash_test {

class Checker {
 public:
  explicit Checker(World& world);

  // Everything wrong is told to the world.
  void check();
  // With what is old collected: the repository holds what its backups need, and nothing else.
  void check_collection();

 private:
  struct Ended {
    std::string kind;
    std::string status;
    std::string database;
    std::string backup;
    bool told = false;
  };
  system_test::HttpAnswer get(const std::string& path, int expected_status);
  void end_operations();
  void commit_if_held(const std::string& id);
  void compare_operation(const std::string& id, const std::string& told);
  const Ended* untold(const std::string& kind, const std::string& database) const;
  void settle_backup(Loaded& database);
  void settle_swap(Loaded& database);
  void settle_clone(Loaded& database);
  void ask_again(Loaded& database);
  Happened swap_happened(const Loaded& database) const;
  void check_content(Loaded& database);
  void check_backups();
  void check_extras();
  void check_extra(Extra& extra, const std::string& id);
  void check_login(Login& login, const std::string& database);
  void expect_database(const std::string& id);
  void check_leftovers();

  World& world_;
  ControlClient control_;
  std::map<std::string, Ended> ended_;
  Expected expected_;
};

}  // namespace restored::crash_test
