// A backup, read row by row with zstd and RocksDB alone: what a restore of it must give, by a way
// that shares nothing with a restore. See README.md.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "restored/content_digest.h"
#include "restored/encryption_options.h"
#include "restored/error.h"
#include "restored/ids.h"
#include "restored/store_options.h"
#include "restored/units.h"

namespace restored::deep {

struct Progress {
  std::uint64_t files = 0;  // decoded
  std::uint64_t files_total = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_total = 0;
};

struct Request {
  std::string repository_url;
  StoreOptions store;
  EncryptionOptions encryption;
  BackupId backup;
  // A directory with room for the whole content, in clear; what is made below it is removed, and
  // what others made there before they were killed (scratch.h).
  std::string scratch;
  UnixMillis as_of = 0;
  std::function<void(const Progress&)> tell;  // after each file; may be empty
};

struct ReadBackup {
  DatabaseId database;
  std::string database_name;
  std::uint64_t files = 0;
  std::uint64_t entries = 0;  // of all files: rows, what newer rows have replaced, tombstones
  ContentFacts content;
};

// Writes nothing to the repository. Errors: those of Repository::open and Repository::load,
// insufficient_space (with numbers), corruption (naming object and file), storage_engine, no_space,
// io_error, cancelled.
Result<ReadBackup> read_backup(const Request& request, const std::stop_token& stop);

}  // namespace restored::deep
