// What our databases and records need of the file system beyond what RocksDB asks of it:
//
//   - The hard links of an import are durable before the MANIFEST names them. RocksDB syncs neither
//     the links nor their directory: after a power loss the MANIFEST could name files that are
//     gone, and the database, old data and all, would not open. So are the logs that it would be
//     ahead of.
//   - Before CURRENT names another MANIFEST, that name is durable, and so are those of the files
//     that it names. RocksDB syncs the directory after the rename alone: a file system that keeps
//     the rename and not the creations before it would leave a database that does not open.
//   - The write-ahead log can be synced beside running writes, whatever state RocksDB is in. Its
//     own SyncWAL() ends the process by an assertion when a write to the log has failed before
//     (7.8: a full disk is enough), and a synced write makes all other writers wait.
//   - A sync of a log that failed is told where RocksDB can take it, and is never tried again and
//     believed (open_logs.h).
//   - A file that the MANIFEST may name, because writing to that failed, is not deleted until
//     another MANIFEST has taken its place.
//   - The MANIFEST that CURRENT names, or may still name after a power loss, is not deleted.
//   RocksDB
//     (7.8) forgets which it is when it cannot write the beginning of the next or rename CURRENT.
//   - A directory that is open needs no making and can be opened, even when the kernel has no
//     descriptor left. RocksDB does both after it has written a new column family to the MANIFEST,
//     and when one fails keeps a half of that family, at which the next MANIFEST ends the process.
//   - OPTIONS files, which people read and nobody else, are not synced. RocksDB writes one whenever
//     a column family comes, goes or changes, and all writers wait for it.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>
#include <string>

namespace restored::catalog {

// Otherwise like the target.
// Threading: as every FileSystem, all methods from any thread at once.
class DurableFiles : public rocksdb::FileSystemWrapper {
 public:
  static std::shared_ptr<DurableFiles> make(std::shared_ptr<rocksdb::FileSystem> target);

  // Syncs what was written to the open logs in `directory` before this call. Once that, or another
  // sync of them, has failed, it fails, and so does every write of RocksDB to them, until a
  // recovery has brought the data to other files.
  virtual rocksdb::IOStatus sync_logs(const std::string& directory) = 0;
  // The newest failure of an open log in `directory`; OK when all are sound.
  virtual rocksdb::IOStatus log_failure(const std::string& directory) = 0;

  // This thread calls DB::Resume() for `directory` between the two; `recovered` is its answer.
  // False when RocksDB says so and goes on with a log that had failed: that has not recovered.
  // REQUIRES: RocksDB refuses writes meanwhile.
  virtual void begin_recovery(const std::string& directory) = 0;
  virtual bool end_recovery(const std::string& directory, bool recovered) = 0;

 protected:
  using FileSystemWrapper::FileSystemWrapper;
};

}  // namespace restored::catalog
