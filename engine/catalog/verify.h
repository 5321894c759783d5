// Compares a staged generation with what its manifest promises, and reads from it. It says nothing
// about bytes that were hashed before: it asks whether RocksDB now serves them.
#pragma once

#include <stop_token>

#include "catalog/database.h"
#include "catalog/instance.h"

namespace restored::catalog {

// See Database::verify.
Result<void> verify_generation(const Instance& instance, const StoredGeneration& generation,
                               const Expectation& expected, std::stop_token stop);

}  // namespace restored::catalog
