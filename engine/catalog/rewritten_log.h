// A write-ahead log whose sync failed, brought to the device all the same. The kernel may have
// dropped bytes of it at the failure and never writes them, whatever later syncs say; but what
// programs read of the file is in its cache still, as a rule.
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <string>

namespace restored::catalog {

// Makes the first `bytes` of the log at `path`, which are whole records, durable in another file,
// and gives that the log's name, which is as durable as the directory. Whoever has the log open
// keeps the old file, without a name. REQUIRES: nobody writes to it any more.
// Errors: Corruption when they cannot be read any more, or are not what was written (by the
// records' checksums); those of the file system. On error the log is as it was.
rocksdb::IOStatus rewrite_log(rocksdb::FileSystem& files, const std::string& path,
                              std::uint64_t bytes);

}  // namespace restored::catalog
