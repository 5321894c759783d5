// The open files of RocksDB's door. For this folder alone.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

#include "simulated_disk/disk.h"

namespace restored::test {

using OpenHandle = std::unique_ptr<SimulatedDisk::Handle>;

std::unique_ptr<rocksdb::FSSequentialFile> sequential_file(OpenHandle handle, bool direct);
std::unique_ptr<rocksdb::FSRandomAccessFile> random_access_file(OpenHandle handle, bool direct);
// Appends behind size_bytes.
std::unique_ptr<rocksdb::FSWritableFile> writable_file(OpenHandle handle, std::uint64_t size_bytes,
                                                       const rocksdb::FileOptions& options);
std::unique_ptr<rocksdb::FSRandomRWFile> random_rw_file(OpenHandle handle);
std::unique_ptr<rocksdb::FSDirectory> directory(SimulatedDisk& disk, std::string path);

}  // namespace restored::test
