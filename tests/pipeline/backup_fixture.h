// A small backup in a directory store, made by upload() itself, and a place to restore it to:
// real files, the real store, the real queue, a real budget; faults come from FaultPlan.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "io/io_queue.h"
#include "pipeline/fetch.h"
#include "pipeline/upload.h"
#include "restored/object_store.h"
#include "support/fault_files.h"
#include "support/temporary_directory.h"

namespace restored::pipeline::test {

using restored::test::Call;
using restored::test::FaultFileSystem;
using restored::test::FaultIoQueue;
using restored::test::FaultPlan;
using restored::test::TemporaryDirectory;

// `bytes` bytes of which about `random_part` cannot be compressed; the same for the same seed.
std::string seeded_content(std::uint64_t seed, std::uint64_t bytes, double random_part);

class BackupFixture : public ::testing::Test {
 protected:
  BackupFixture();
  ~BackupFixture() override;

  // With another budget or queue than the default one. Before make_backup().
  void use_budget(std::uint64_t budget_bytes);
  void use_pool() { io_uring_ = false; }

  // The store, so that another one can be put around it.
  ObjectStore& opened_store();
  // Writes the files below source/, uploads them, and plans their restore to target/.
  void make_backup(const std::map<std::string, std::string>& contents);
  // Two ranges' worth of stored and of content bytes, odd sizes, and an empty file.
  void make_usual_backup();

  FetchEnvironment environment();
  UploadEnvironment upload_environment(int zstd_level = 1);
  // Writes the files below source/.
  std::vector<UploadFile> write_sources(const std::map<std::string, std::string>& contents);
  Result<std::vector<UploadedFile>> upload_contents(
      const std::map<std::string, std::string>& contents, int zstd_level = 1);

  Result<void> fetch_all(std::stop_token stop = {});
  std::string object_path(std::size_t file_index) const;
  std::string target_content(std::size_t file_index) const;
  void expect_all_restored() const;
  // After any call: nothing is under way any more.
  void expect_drained() const;
  // Offset of a frame in its object.
  std::uint64_t stored_offset(std::size_t file_index, std::uint64_t frame) const;

  const TemporaryDirectory directory_;
  FaultPlan plan_;  // of target files and of every request to the queue
  FaultPlan store_plan_;
  std::unique_ptr<MemoryBudget> budget_;
  std::unique_ptr<io::IoQueue> real_queue_;
  std::unique_ptr<FaultIoQueue> queue_;
  std::unique_ptr<FaultFileSystem> files_;
  std::unique_ptr<FaultFileSystem> store_files_;
  std::unique_ptr<ObjectStore> store_;
  ObjectStore* store_used_ = nullptr;  // by runs, when it is not store_ itself
  WaitBoard* waits_ = nullptr;
  Bandwidth* bandwidth_ = nullptr;
  Progress progress_;
  Progress upload_progress_;
  bool io_uring_ = true;
  bool direct_io_ = true;
  unsigned decode_threads_ = 2;

  std::vector<std::string> contents_;
  std::vector<UploadedFile> uploaded_;
  std::vector<FetchFile> backup_;

  struct Durable {
    std::size_t file_index;
    FrameSpan span;
    bool complete;
  };
  std::vector<Durable> durable_;  // what fetch_all() was told

 private:
  void open();
};

// Turns over the bits of one byte.
void damage_byte(const std::string& path, std::uint64_t offset);

}  // namespace restored::pipeline::test
