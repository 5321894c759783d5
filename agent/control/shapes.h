// Objects of the first surface, and of our own paths on it (ADDITIONS.md).
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "control/call.h"

namespace restored::control {

// `secret`: of the connection that was made with the database, shown this once.
boost::json::object database_object(const Call& call, const DatabaseInfo& info,
                                    const NewConnection* secret = nullptr);
// With a password also the connection string, under endpoints.direct.
boost::json::object connection_object(const Call& call, const ConnectionInfo& info,
                                      std::string_view database_name,
                                      const std::string* password = nullptr);
// The answer of create and rotate: the string once more at the top, and its parts (deprecated).
boost::json::object new_connection_object(const Call& call, const NewConnection& made,
                                          std::string_view database_name);
boost::json::object source_object(const DatabaseSource& source);
// The contract's members only.
boost::json::object backup_object(const BackupInfo& info);
boost::json::object backup_details(const Call& call, const BackupInfo& info);
boost::json::object operation_object(const Call& call, const OperationView& view);
boost::json::object token_object(const Call& call, const TokenInfo& info);

std::string connection_string(const DataEndpoint& endpoint, std::string_view user,
                              std::string_view password);

}  // namespace restored::control
