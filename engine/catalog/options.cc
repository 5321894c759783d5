#include "catalog/options.h"

#include <rocksdb/env.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "catalog/expiry_filter.h"
#include "catalog/rocksdb_log.h"
#include "restored/limits.h"

namespace restored::catalog {
namespace {

// Deletions are spread: 16 files of 64 MiB a second keep an ext4 journal quiet enough for the
// fsyncs of clients, and free 1 TB in 17 minutes.
constexpr std::uint64_t delete_bytes_per_second = 1 * kGiB;
// No file is truncated piece by piece before it is deleted: the file may have another hard link
// (an export, a staging directory) at any moment.
constexpr std::uint64_t delete_chunk_bytes = 1024 * kGiB;
// The rate holds however large a part of the data is deleted.
constexpr double trash_ratio_max = 1e6;

constexpr std::uint64_t write_buffer_bytes = 64 * kMiB;
constexpr std::uint64_t wal_bytes_max = 256 * kMiB;
constexpr std::uint64_t scan_readahead_bytes = 2 * kMiB;

rocksdb::BlockBasedTableOptions table_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.no_block_cache = cache == nullptr;
  table.block_size = 16 * kKiB;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  // Exact: 1 % false positives; a missing key costs no read.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10.0));
  table.whole_key_filtering = true;
  // Index and filters count as cache: memory is one number. Those of level 0 stay.
  table.cache_index_and_filter_blocks = cache != nullptr;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = cache != nullptr;
  return table;
}

void settle_log(rocksdb::DBOptions& options) {
  options.info_log = rocksdb_log();
  options.stats_dump_period_sec = 0;  // else a thread each
  options.stats_persist_period_sec = 0;
}

void settle_durability(rocksdb::DBOptions& options) {
  options.paranoid_checks = true;
  options.manual_wal_flush = false;  // a write is in the page cache when it returns
  // Opens at the last consistent point before a torn tail, across all column families.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.recycle_log_file_num = 0;  // a recycled file's old tail is not told from a torn one
  options.track_and_verify_wals_in_manifest = false;
  options.allow_2pc = false;
  options.unordered_write = false;
  options.two_write_queues = false;
  options.atomic_flush = false;
  options.best_efforts_recovery = false;
  options.use_fsync = false;  // fdatasync; directories are synced apart
  options.avoid_flush_during_shutdown = false;
  options.verify_sst_unique_id_in_manifest = true;
}

}  // namespace

Shared::Shared(std::uint64_t block_cache_bytes, const Disk& disk)
    : plain_files_(*disk.files),
      files_(DurableFiles::make(disk.rocksdb)),
      env_(rocksdb::NewCompositeEnv(files_)),
      cache_(rocksdb::NewLRUCache(block_cache_bytes, /*num_shard_bits=*/-1,
                                  /*strict_capacity_limit=*/false,
                                  /*high_pri_pool_ratio=*/0.5)),
      write_buffers_(std::make_shared<rocksdb::WriteBufferManager>(
          std::max<std::uint64_t>(block_cache_bytes / 2, write_buffer_bytes), cache_)) {
  rocksdb::Status status;
  deleter_.reset(rocksdb::NewSstFileManager(env_.get(), /*info_log=*/nullptr, /*trash_dir=*/"",
                                            static_cast<std::int64_t>(delete_bytes_per_second),
                                            /*delete_existing_trash=*/true, &status,
                                            trash_ratio_max, delete_chunk_bytes));
  RESTORED_CHECK(status.ok() && deleter_, "a file deleter without a trash directory cannot fail");
  // Flushes before compactions, and both below the threads that serve clients.
  rocksdb::Env* env = rocksdb::Env::Default();
  env->SetBackgroundThreads(2, rocksdb::Env::HIGH);
  env->SetBackgroundThreads(2, rocksdb::Env::LOW);
  env->LowerThreadPoolIOPriority(rocksdb::Env::LOW);
  env->LowerThreadPoolCPUPriority(rocksdb::Env::LOW, rocksdb::CpuPriority::kLow);
}

std::unique_ptr<SharedResources> SharedResources::make(std::uint64_t block_cache_bytes,
                                                       std::shared_ptr<const Disk> disk) {
  return std::make_unique<Shared>(block_cache_bytes, disk ? *disk : Disk());
}

rocksdb::DBOptions database_options(const Shared& shared) {
  rocksdb::DBOptions options;
  settle_log(options);
  settle_durability(options);
  options.env = &shared.env();
  options.create_if_missing = false;
  options.create_missing_column_families = false;
  // Bounded: with -1 an import opens all files inside the write thread, and writers wait.
  options.max_open_files = limits::open_files_max;
  options.max_file_opening_threads = 4;
  // A dropped column family's files are closed and deleted on a background thread: 15 ms instead
  // of 720 ms for 1,000 files on the thread that drops the last handle.
  options.avoid_unnecessary_blocking_io = true;
  options.write_buffer_manager = shared.write_buffers();
  options.sst_file_manager = shared.deleter();
  options.max_background_jobs = 4;
  options.max_bgerror_resume_count = 0;  // background_errors.h
  options.max_total_wal_size = wal_bytes_max;
  // Written pages go to the device early, so that a sync has little left to do.
  options.bytes_per_sync = 1 * kMiB;
  options.wal_bytes_per_sync = 512 * kKiB;
  options.use_direct_reads = false;
  options.use_direct_io_for_flush_and_compaction = false;
  return options;
}

rocksdb::ColumnFamilyOptions catalog_options() {
  rocksdb::ColumnFamilyOptions options;
  options.comparator = rocksdb::BytewiseComparator();
  options.write_buffer_size = 1 * kMiB;
  options.compression = rocksdb::kNoCompression;
  return options;
}

rocksdb::ColumnFamilyOptions generation_options(const Shared& shared, const Clock& clock) {
  rocksdb::ColumnFamilyOptions options;
  options.comparator = rocksdb::BytewiseComparator();
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(shared.cache())));
  options.disable_auto_compactions = true;
  options.compaction_style = rocksdb::kCompactionStyleLevel;
  options.num_levels = generation_levels;
  // Levels fill from the last one: space amplification stays near 1.1.
  options.level_compaction_dynamic_level_bytes = true;
  options.target_file_size_base = limits::sst_bytes;
  options.target_file_size_multiplier = 1;
  options.max_bytes_for_level_base = 4 * limits::sst_bytes;
  options.write_buffer_size = write_buffer_bytes;
  options.max_write_buffer_number = 3;
  options.level0_file_num_compaction_trigger = 4;
  options.level0_slowdown_writes_trigger = 20;
  options.level0_stop_writes_trigger = 36;
  // LZ4 at every level: a point read unpacks 16 KiB in microseconds, and backups, which compress
  // the files again, lose nothing (0.497 against 0.508).
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kDisableCompressionOption;  // the same
  options.enable_blob_files = false;  // neither exported nor imported by RocksDB
  options.force_consistency_checks = true;
  options.paranoid_file_checks = false;
  options.compaction_filter_factory = expiry_filter_factory(clock);
  return options;
}

rocksdb::Options record_store_options() {
  rocksdb::Options options;
  settle_log(options);
  settle_durability(options);
  options.create_if_missing = true;
  options.max_open_files = 64;
  options.write_buffer_size = 4 * kMiB;
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  return options;
}

rocksdb::Options inspection_options(rocksdb::Env& env) {
  rocksdb::Options options;
  options.env = &env;
  options.comparator = rocksdb::BytewiseComparator();
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(nullptr)));
  return options;
}

rocksdb::WriteOptions write_options(Durability durability) {
  rocksdb::WriteOptions options;
  options.disableWAL = false;
  options.sync = durability == Durability::device;
  options.no_slowdown = false;
  return options;
}

rocksdb::ReadOptions point_read_options() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = true;
  return options;
}

rocksdb::ReadOptions cursor_options() {
  rocksdb::ReadOptions options = point_read_options();
  options.total_order_seek = true;
  options.background_purge_on_iterator_cleanup = true;  // closing it deletes no files
  return options;
}

rocksdb::ReadOptions scan_options() {
  rocksdb::ReadOptions options = cursor_options();
  options.fill_cache = false;
  options.readahead_size = scan_readahead_bytes;
  return options;
}

}  // namespace restored::catalog
