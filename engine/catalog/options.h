// All choices of RocksDB options, and what the databases of a process share. What matters is
// spelled out even where it is the default of today's release.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <chrono>
#include <memory>

#include "base/clock.h"
#include "catalog/database.h"
#include "catalog/disk.h"
#include "catalog/durable_files.h"

namespace restored::catalog {

// The comparator of every generation; a backup of anything else is refused.
inline constexpr const char* comparator_name = "leveldb.BytewiseComparator";

// Files of a backup stand at their levels: the same number in every release of ours.
inline constexpr int generation_levels = 7;

// A write of Durability::process is on the device after this and one sync, so within a second.
inline constexpr std::chrono::milliseconds wal_sync_delay{500};

class Shared final : public SharedResources {
 public:
  explicit Shared(std::uint64_t block_cache_bytes, const Disk& disk = Disk());

  io::FileSystem& plain_files() const { return plain_files_; }
  DurableFiles& files() const { return *files_; }
  rocksdb::Env& env() const { return *env_; }
  const std::shared_ptr<rocksdb::Cache>& cache() const { return cache_; }
  const std::shared_ptr<rocksdb::WriteBufferManager>& write_buffers() const {
    return write_buffers_;
  }
  const std::shared_ptr<rocksdb::SstFileManager>& deleter() const { return deleter_; }

 private:
  io::FileSystem& plain_files_;
  std::shared_ptr<DurableFiles> files_;
  std::unique_ptr<rocksdb::Env> env_;  // before what may use it until its end
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers_;  // charged to the cache
  std::shared_ptr<rocksdb::SstFileManager> deleter_;            // rate limit of deletions
};

rocksdb::DBOptions database_options(const Shared& shared);
// The default column family: one small record.
rocksdb::ColumnFamilyOptions catalog_options();
// A generation's column family. Auto-compaction is off: a staged or previous generation is left
// as it is; who makes one live switches it on. `clock` must outlive the database.
rocksdb::ColumnFamilyOptions generation_options(const Shared& shared, const Clock& clock);
// The agent's records: small, every write synced.
rocksdb::Options record_store_options();
// For looking into one SST file outside of any database.
rocksdb::Options inspection_options(rocksdb::Env& env = *rocksdb::Env::Default());

rocksdb::WriteOptions write_options(Durability durability);
rocksdb::ReadOptions point_read_options();
// A cursor of a client.
rocksdb::ReadOptions cursor_options();
// A pass over much data that must not push out what clients use.
rocksdb::ReadOptions scan_options();

}  // namespace restored::catalog
