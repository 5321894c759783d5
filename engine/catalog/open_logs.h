// The write-ahead logs that RocksDB has open, and what becomes of one that the device failed.
//
// A sync that failed is never believed when it is tried again: the kernel may have dropped the
// bytes and says so only once. So a failed log fails everything that relies on it, until RocksDB's
// recovery has written what is in memory to other files. That flushes one column family after
// another, and the power may go between two: so the recovery first writes the failed log anew, or
// those that were flushed would be ahead of it and the database would not open.
//
// RocksDB 7.8.3 in turn ends the process by an assertion when a thread of its own meets a log that
// has failed another: a flush that syncs the logs before the newest beside a write that syncs them
// all. So these logs never tell it of a failed sync; the next step does, which both have: a write
// syncs the newest log last, a flush syncs the directory.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace restored::catalog {

class OpenLog;

// Makes the names of the files in `path` durable.
rocksdb::IOStatus sync_directory(rocksdb::FileSystem& files, const std::string& path);

// The open logs of one instance, shared by its files and who looks after them. Threading: all
// methods from any thread at once.
class OpenLogs : public std::enable_shared_from_this<OpenLogs> {
 public:
  OpenLogs(std::shared_ptr<rocksdb::FileSystem> files, std::string directory)
      : files_(std::move(files)), directory_(std::move(directory)) {}

  std::unique_ptr<rocksdb::FSWritableFile> add(const std::string& path,
                                               std::unique_ptr<rocksdb::FSWritableFile> file);

  // DurableFiles' methods of the same names, which say more.
  rocksdb::IOStatus sync();
  rocksdb::IOStatus failure() const;
  // What the MANIFEST has to wait for that names an import: sync(), except in a recovery, which
  // writes another MANIFEST without one and could not end before the failed log is replaced.
  rocksdb::IOStatus sync_for_import();
  void begin_recovery();
  bool end_recovery(bool recovered);

  // What comes before a sync of the directory that makes the logs before the newest count.
  rocksdb::IOStatus failure_before_newest();

 private:
  friend class OpenLog;
  friend class LogFile;

  bool is_newest(const OpenLog& log) const;
  void failed(const rocksdb::IOStatus& status);

  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::string directory_;
  std::atomic<int> failures_ = 0;  // open logs that failed
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<OpenLog>> logs_ GUARDED_BY(mutex_);  // by age
  rocksdb::IOStatus failure_ GUARDED_BY(mutex_);                   // the newest
  bool recovering_ GUARDED_BY(mutex_) = false;
};

}  // namespace restored::catalog
