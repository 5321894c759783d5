// restorectl backup verify --deep: the backup is read here, row by row, with zstd and RocksDB
// alone, so that an agent has no part in what is said of it.
#pragma once

#include <string>

#include "session.h"

namespace restored::ctl {

struct DeepOptions {
  std::string backup;
  std::string against;  // a database; empty: the backup alone
  std::string repository;
  std::string config;
  std::string scratch = "/var/tmp";
};

// The backup alone; needs no agent.
Outcome verify_deep(bool json, const DeepOptions& options);
// And whether the live content of the database `against` is the same.
// Errors: content_differs, and those of reading either.
Outcome verify_deep_against(const Session& session, const DeepOptions& options);

}  // namespace restored::ctl
