// What a restore and a clone do alike with what they have staged, and around its swap.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/database.h"
#include "restore/engine_parts.h"
#include "restored/database.h"
#include "restored/ids.h"

namespace restored::restore {

// What a staged generation of these files must have; as deeply as the options say.
catalog::Expectation expectation(const EngineParts& parts, std::string comparator,
                                 std::vector<catalog::FileFacts> files);

// Whether a swap of an operation is on record. What it brought may be gone by now, and what is live
// may be of a client's flush before it: those say nothing.
bool has_content(const EngineParts& parts, const DatabaseId& database);

// After the swap nothing may turn a success into a failure: it is logged.
void note_if_failed(const Result<void>& outcome, const OperationId& operation, const char* what);

// The database's status, if it is not that already; a failure to record it is noted.
void record_status(EngineParts& parts, const OperationId& operation, const DatabaseId& database,
                   DatabaseStatus status, const std::optional<Error>& failure);

}  // namespace restored::restore
