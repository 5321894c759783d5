// Databases and the connections to them, as the engine tells of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "restored/error.h"
#include "restored/ids.h"
#include "restored/intent.h"
#include "restored/operation.h"
#include "restored/units.h"

namespace restored {

enum class DatabaseStatus : std::uint8_t { provisioning, ready, recovering, failure };
std::string_view name(DatabaseStatus status);

struct SourceEmpty {};
struct SourceBackup {
  DatabaseId database;
  BackupId backup;
};
struct SourceDatabase {
  DatabaseId database;
};
// Where the live content came from.
using DatabaseSource = std::variant<SourceEmpty, SourceBackup, SourceDatabase>;

struct ConnectionInfo {
  ConnectionId id;
  DatabaseId database;
  std::string name;
  UnixMillis created_at = 0;
};

// The only moment at which a password exists in clear.
struct NewConnection {
  ConnectionInfo info;
  std::string password;  // 256 random bits, 43 characters of base64url
};

struct DatabaseInfo {
  DatabaseId id;
  std::string name;
  std::string project_id;
  std::string region;
  std::string logical_id;  // that its owner gave it, unique within the project; empty: none
  bool is_default = false;
  DatabaseStatus status = DatabaseStatus::provisioning;
  DatabaseSource source;
  UnixMillis created_at = 0;
  std::vector<ConnectionInfo> connections;  // by creation; the first is the default one
  GenerationNumber generation = 0;
  std::optional<GenerationNumber> previous_generation;
  std::optional<UnixMillis> undo_until;
  std::uint64_t live_bytes = 0;          // of the live generation's files
  std::optional<OperationId> operation;  // running on it
  std::optional<OperationKind> operation_kind;
  std::optional<Error> failure;  // with status failure
  bool daily_backup = false;     // it is backed up by schedule
};

struct CreateDatabase {
  std::string name;
  std::string project_id = "default";
  std::string region = "us-east-1";
  std::string logical_id = {};  // empty: none
  bool is_default = false;
  // At most one of the two: what comes into the new database.
  std::optional<SourceBackup> from_backup;
  std::optional<SourceDatabase> from_database;  // as it is at one moment from now on
  Intent intent = {};                           // the same one again: the database that it made
};
// What is there is changed, all of it or nothing.
struct DatabaseChanges {
  std::optional<std::string> name = {};
  std::optional<std::string> logical_id = {};
};
struct CreatedDatabase {
  DatabaseInfo info;
  NewConnection connection;              // made with it, named "default"
  std::optional<OperationId> operation;  // that brings its content, if it has a source
};

// Commands of the data plane on one day.
struct DailyCommands {
  std::uint32_t day = 0;  // since the Unix epoch, in UTC
  std::uint64_t commands = 0;
};

}  // namespace restored
