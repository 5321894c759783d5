// What a simulated disk is told to do wrong, and what it was asked to do.
//
//   disk.plan().fail({.calls = {DiskCall::write}, .path_part = ".log"}, 3, EIO);  // the third
//   disk.plan().fail_from({.calls = needing_space}, 1, ENOSPC);  // full until clear()
//   disk.plan().ignore_syncs([](DiskCall, const std::string& path, const std::string&) {
//     return path.ends_with(".sst");
//   });
//
// Calls through both doors make one sequence. To fail at every place once: run with
// count(filter) from 0 to n, then n times with fail(filter, 1..n, error).
// Threading: all methods from any thread at once. A plain mutex: RocksDB's threads call it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace restored::test {

enum class DiskCall : std::uint8_t {
  open,
  create,  // an open that makes the file
  read,
  write,
  truncate,
  allocate,
  sync,
  close,
  stat,
  list,
  make_directory,
  link,
  rename,
  remove,  // a file or an empty directory
  sync_directory,
  space,
  lock,
};
inline constexpr std::size_t disk_call_count = 17;
std::string_view name(DiskCall call);

class Calls {
 public:
  constexpr Calls() = default;  // none
  constexpr Calls(std::initializer_list<DiskCall> calls) {
    for (const DiskCall call : calls) bits_ |= bit(call);
  }
  static constexpr Calls all() {
    Calls calls;
    calls.bits_ = (1U << disk_call_count) - 1;
    return calls;
  }
  constexpr bool holds(DiskCall call) const { return (bits_ & bit(call)) != 0; }

 private:
  static constexpr std::uint32_t bit(DiskCall call) { return 1U << static_cast<unsigned>(call); }
  std::uint32_t bits_ = 0;
};
// Everything that changes what is on the disk.
inline constexpr Calls changing_calls{
    DiskCall::create,         DiskCall::write,         DiskCall::truncate, DiskCall::allocate,
    DiskCall::sync,           DiskCall::link,          DiskCall::rename,   DiskCall::remove,
    DiskCall::make_directory, DiskCall::sync_directory};
// What a full disk refuses.
inline constexpr Calls needing_space{DiskCall::create,         DiskCall::write, DiskCall::allocate,
                                     DiskCall::make_directory, DiskCall::link,  DiskCall::rename};

struct CallFilter {
  Calls calls = Calls::all();
  std::string path_part;  // empty: every path
};

struct TracedCall {
  DiskCall call = DiskCall::open;
  std::string path;
};

class DiskPlan {
 public:
  // The nth such call from now on (1: the next one) fails, once; or it and every later one. A
  // failing write writes `written_part` of its bytes first; of a failing sync's pages that part,
  // the last ones, is on the device, and no later sync brings the others.
  void fail(const CallFilter& filter, std::uint64_t nth, int error, double written_part = 0);
  void fail_from(const CallFilter& filter, std::uint64_t nth, int error);
  // How many such calls there were since counting began, which this filter is part of from here.
  std::size_t begin_count(const CallFilter& filter);
  std::uint64_t counted(std::size_t counter) const;
  // Syncs (of files and directories) that say yes report success and do nothing. For a directory
  // `after` is the last change of its names, such as "link 000012.sst".
  using SyncChoice =
      std::function<bool(DiskCall, const std::string& path, const std::string& after)>;
  void ignore_syncs(SyncChoice ignored);
  // Called before every call, on its thread, without a lock. Null: nothing; one that runs goes on.
  void before_each(std::function<void(DiskCall, const std::string& path)> hook);
  void trace(bool on);
  // No faults, ignored syncs and counters any more.
  void clear();

  std::vector<TracedCall> traced() const;
  std::uint64_t count(DiskCall call) const;
  std::uint64_t count() const;
  std::uint64_t failures() const;
  TracedCall last_failure() const;

  // For the disk.
  struct Verdict {
    int error = 0;
    double written_part = 0;
    bool ignored = false;
  };
  Verdict next(DiskCall call, const std::string& path);

 private:
  struct Rule {
    CallFilter filter;
    std::uint64_t nth = 0;  // 0: only counts
    bool from_there_on = false;
    int error = 0;
    double written_part = 0;
    std::uint64_t seen = 0;
  };

  mutable std::mutex mutex_;
  std::vector<Rule> rules_;
  SyncChoice ignored_;
  std::map<std::string, std::string> last_change_;  // by directory; while ignored_ is there
  std::shared_ptr<const std::function<void(DiskCall, const std::string&)>> hook_;
  std::array<std::uint64_t, disk_call_count> counts_{};
  bool tracing_ = false;
  std::vector<TracedCall> traced_;
  std::uint64_t failures_ = 0;
  TracedCall last_failure_;
};

}  // namespace restored::test
