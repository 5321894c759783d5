// A generation's files, complete and unchanging, in a directory of their own.
#pragma once

#include <string>

#include "catalog/database.h"
#include "catalog/instance.h"

namespace restored::catalog {

// See Database::export_live. On an error the directory is removed.
Result<ExportedGeneration> export_generation(const Instance& instance,
                                             const StoredGeneration& generation,
                                             const std::string& directory);

}  // namespace restored::catalog
