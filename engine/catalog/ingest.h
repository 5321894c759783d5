// Staged files become a column family: the step from files to a generation.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "catalog/database.h"
#include "catalog/instance.h"

namespace restored::catalog {

// See Database::ingest. The result is dropped unless somebody keeps it.
Result<std::shared_ptr<StoredGeneration>> import_generation(Instance& instance,
                                                            GenerationNumber number,
                                                            const std::string& directory,
                                                            const std::string& comparator,
                                                            std::span<const FileFacts> files);

}  // namespace restored::catalog
