// Objects of the second surface: snake_case, Unix seconds, no envelope.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "control/call.h"

namespace restored::control {

// `password` only when the database was just made; only its hash is kept.
boost::json::object second_database_object(const Call& call, const DatabaseInfo& info,
                                           const std::string* password = nullptr);
boost::json::object second_backup_object(const BackupInfo& info);

}  // namespace restored::control
