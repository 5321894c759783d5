// A disk that fails on demand: decorators of io::FileSystem and io::IoQueue that share one plan.
//
//   FaultPlan plan;
//   FaultFileSystem files(io::system_files(), plan);
//   FaultIoQueue queue(*real_queue, plan);
//   plan.fail(Call::write, 3, ErrorCode::no_space);   // the third write from now on, once
//   plan.fail_from(Call::sync, 1, ErrorCode::io_error);  // every sync from now on
//   plan.only(".sst");                                // only paths that contain this are counted
//   ... run what is under test, look at its error and at what it left on disk ...
//   EXPECT_EQ(plan.failures(), 1u);
//
// To fail at every place once: run without faults, read count(call) = n, then run n times with
// fail(call, 1..n). Writes and reads of files and of the queue count together.
//
// A failed write may first write a part: cut_writes(fraction). A failed call does nothing else.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "io/file_system.h"
#include "io/io_queue.h"

namespace restored::test {

enum class Call : std::uint8_t {
  open,  // of any kind; create is counted too when the file is to be made
  create,
  read,
  write,
  truncate,
  allocate,
  sync,
  close,
  stat,
  list,
  make_directories,
  link,
  rename,
  remove_file,
  remove_tree,
  sync_directory,
  space,
};
inline constexpr std::size_t call_count = 17;

class FaultPlan {
 public:
  // The nth such call from now on (1: the next one) fails, once.
  void fail(Call call, std::uint64_t nth, ErrorCode code);
  // The nth and every later one fail.
  void fail_from(Call call, std::uint64_t nth, ErrorCode code);
  // Failing writes first write this part of their bytes (rounded down to limits::io_alignment).
  void cut_writes(double fraction);
  // Calls on other paths are neither counted nor failed. Empty: all are.
  void only(std::string path_part);
  // Called before every counted call, on its thread, without a lock: to stop or kill something
  // half way. Not to be changed while calls run.
  void before_each(std::function<void(Call, const std::string& path)> hook);
  // No faults any more; counts go on from zero.
  void clear();

  std::uint64_t count(Call call) const;
  std::uint64_t failures() const;

  // For the decorators: counts the call, and returns its error if it is to fail.
  std::optional<Error> next(Call call, const std::string& path);
  std::size_t part_to_write(std::size_t bytes) const;

 private:
  struct Rule {
    std::uint64_t first = 0;  // in terms of count
    bool once = true;
    ErrorCode code = ErrorCode::io_error;
  };

  mutable Mutex mutex_;
  std::array<std::uint64_t, call_count> counts_ GUARDED_BY(mutex_){};
  std::multimap<Call, Rule> rules_ GUARDED_BY(mutex_);
  double write_fraction_ GUARDED_BY(mutex_) = 0;
  std::string only_ GUARDED_BY(mutex_);
  std::uint64_t failures_ GUARDED_BY(mutex_) = 0;
  std::function<void(Call, const std::string&)> hook_;
};

// Both outlive the files that it opens.
class FaultFileSystem final : public io::FileSystem {
 public:
  FaultFileSystem(io::FileSystem& inner, FaultPlan& plan) : inner_(inner), plan_(plan) {}

  Result<std::unique_ptr<io::File>> open(const std::string& path, io::Access access,
                                         io::Caching caching) override;
  Result<io::Entry> stat(const std::string& path) override;
  Result<std::vector<io::Entry>> list(const std::string& directory) override;
  Result<void> make_directories(const std::string& path) override;
  Result<void> link(const std::string& existing, const std::string& added) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove_file(const std::string& path) override;
  Result<void> remove_tree(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<io::Space> space(const std::string& path) override;
  Result<std::unique_ptr<io::FileLock>> lock(const std::string& path) override {
    return inner_.lock(path);
  }

 private:
  io::FileSystem& inner_;
  FaultPlan& plan_;
};

// Completions of failed requests run on the inner queue's thread, in turn, as those of others do.
// Each request counts once, also when its file is one of a FaultFileSystem.
class FaultIoQueue final : public io::IoQueue {
 public:
  FaultIoQueue(io::IoQueue& inner, FaultPlan& plan) : inner_(inner), plan_(plan) {}

  void submit_write(io::File& file, std::uint64_t offset, std::span<const std::byte> bytes,
                    io::Completion done) override;
  void submit_read(io::File& file, std::uint64_t offset, std::span<std::byte> bytes,
                   io::Completion done) override;
  bool on_ring() const override { return inner_.on_ring(); }
  bool registered() const override { return inner_.registered(); }
  double busy_seconds() const override { return inner_.busy_seconds(); }

 private:
  io::IoQueue& inner_;
  FaultPlan& plan_;
};

}  // namespace restored::test
