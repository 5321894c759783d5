// One backup, made cleanly by the engine into a directory, and then put on servers that fail.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "io/io_queue.h"
#include "pipeline/fetch.h"
#include "restored/error.h"
#include "restored/ids.h"
#include "restored/object_store.h"
#include "s3_server/fault_server.h"
#include "support/temporary_directory.h"
#include "test_host.h"

namespace restored::test {

class CleanBackup {
 public:
  // Files of about 9, 2 and 0.1 MiB.
  CleanBackup();

  void put_on(s3_server::FaultServer& server) const;
  const BackupId& backup() const { return backup_; }
  const std::map<std::string, std::string>& contents() const { return contents_; }  // by file name

 private:
  BackupId backup_;
  std::map<std::string, std::string> objects_;  // by key
  std::map<std::string, std::string> aliases_;  // keys to names that are the same in every run
  std::map<std::string, std::string> contents_;
};

// Restores backups into files of a directory of its own. One thread at a time.
class FileRestorer {
 public:
  FileRestorer();
  // Reads the manifest, then fetches every file. Errors: the store's, as a restore would see them.
  Result<std::map<std::string, std::string>> restore(ObjectStore& store, const BackupId& backup,
                                                     const std::stop_token& stop);
  // Reads and hashes every frame.
  Result<void> verify(ObjectStore& store, const BackupId& backup, const std::stop_token& stop);
  std::uint64_t leased_bytes() const { return budget_->in_use_bytes(); }
  std::uint64_t frames_read_again() const { return progress_.frames_read_again; }

 private:
  pipeline::FetchEnvironment environment(ObjectStore& store);
  const TemporaryDirectory directory_{memory_directory()};
  std::unique_ptr<MemoryBudget> budget_;
  std::unique_ptr<io::IoQueue> queue_;
  pipeline::Progress progress_;
};

}  // namespace restored::test
