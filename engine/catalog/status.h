// The one translator of RocksDB's errors into ours.
#pragma once

#include <rocksdb/status.h>

#include <string_view>

#include "restored/error.h"

namespace restored::catalog {

// "<doing>: <RocksDB's text>". REQUIRES: !status.ok().
// no_space, file_not_found, corruption, io_error; storage_engine for the rest.
Error error_from(const rocksdb::Status& status, std::string_view doing);

inline Result<void> checked(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return {};
  return std::unexpected(error_from(status, doing));
}

}  // namespace restored::catalog
