// From what a person types to what the agent's paths want.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <string>

#include "agent.h"
#include "failure.h"

namespace restored::ctl {

// Follows the cursor of a list to its end. `target` may have a query.
// `visit` returns false to stop.
Outcome for_each(const Agent& agent, const std::string& target,
                 const std::function<bool(const boost::json::value&)>& visit);

// An id is taken as it is (the agent will say whether it exists); anything else is a name and is
// looked for among all databases. Errors: database_not_found; invalid_argument when several
// databases have the name.
Answered<std::string> database_id(const Agent& agent, const std::string& typed);

// Of the database that a backup belongs to. Errors: backup_not_found.
Answered<std::string> database_of_backup(const Agent& agent, const std::string& backup);

// "db_x" and "x" are the same id.
std::string bare_id(const std::string& id);

}  // namespace restored::ctl
