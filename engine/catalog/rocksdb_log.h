// RocksDB's warnings and errors go to our log, and to no file of its own: its file logger ends the
// process by an assertion when it writes after a failed write (7.8: a full disk is enough).
#pragma once

#include <rocksdb/env.h>

#include <memory>

namespace restored::catalog {

std::shared_ptr<rocksdb::Logger> rocksdb_log();

}  // namespace restored::catalog
