// What the clients of a world were told, and what they were at when the agent died.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "database_model.h"

namespace restored::crash_test {

// A password that a client has, and whether a rotation was cut off before its answer.
struct Login {
  std::string connection;
  std::string password;
  bool rotating = false;
};

struct Making {
  DatabaseModel::Cut cut;
  BackupPointer backup;   // null until the agent has named it
  std::string operation;  // empty until then
};

// The last backup that was asked for: asked for again, it is the same one.
struct Asked {
  std::string key;        // empty: none was
  std::string operation;  // empty until the agent has named it
};
inline constexpr const char* backup_body = R"({"name":"n"})";

// A copy of a database that is made, looked at and removed.
struct Cloning {
  DatabaseModel::Cut cut;
  std::string name;
  std::string id;  // empty until the agent has answered
  std::string operation;
  std::string password;
  bool removing = false;
};

// A database with writers on lasting connections, and one client that swaps its generations.
struct Loaded {
  std::string id;
  Login login;
  std::unique_ptr<DatabaseModel> model;
  // What its client was doing when the agent died.
  std::optional<Making> making;
  Asked asked;
  std::optional<Cloning> cloning;
  bool holds = false;  // its restore is to hold
  std::string swap_operation;
  Happened swap_told = Happened::unknown;
};

// A database that comes and goes.
struct Extra {
  std::string name;
  std::string id;  // empty: the agent has not answered yet
  Login login;
  BackupPointer origin;
  Content written;
  Content maybe_written;  // nobody answered
  bool restored = false;  // with an origin: it was told to be there
  bool removing = false;
};

}  // namespace restored::crash_test
