// Files of a backup that stand on this host already, found by the identity that RocksDB gives
// every SST. Found is not verified: the caller links and hashes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/database.h"
#include "format/manifest.h"

namespace restored::restore {

// For each file of the manifest the path of such a file of the target, or nothing. `target` may be
// null. Never an error: what cannot be listed is fetched.
std::vector<std::optional<std::string>> find_local_files(const format::Manifest& manifest,
                                                         const catalog::Database* target);

}  // namespace restored::restore
