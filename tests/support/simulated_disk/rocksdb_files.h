// RocksDB's door to a simulated disk.
//
//   seams.disk = catalog::rocksdb_disk(simulated_rocksdb_files(disk));
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

#include "simulated_disk/disk.h"

namespace restored::test {

// `disk` outlives the file system and everything that was opened through it.
std::shared_ptr<rocksdb::FileSystem> simulated_rocksdb_files(SimulatedDisk& disk);

// As RocksDB's own door to Linux tells them apart.
rocksdb::IOStatus io_status(int error, const std::string& what, const std::string& path);

}  // namespace restored::test
