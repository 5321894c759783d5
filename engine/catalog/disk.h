// Where databases and records lie: both doors to one disk, RocksDB's and our own. Tests put another
// disk there; everybody else passes null, which is the operating system's.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

#include "io/file_system.h"

namespace restored::catalog {

// Outlived by both doors. Threading: immutable.
struct Disk {
  io::FileSystem* files = &io::system_files();
  std::shared_ptr<rocksdb::FileSystem> rocksdb = rocksdb::FileSystem::Default();
};

}  // namespace restored::catalog
