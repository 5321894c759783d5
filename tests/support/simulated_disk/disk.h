// A disk in memory that can lose its power: one tree of files behind two doors, files() for our own
// code and rocksdb_files() (rocksdb_files.h) for RocksDB. It keeps apart what programs see and what
// is on the device (survival.h says what becomes of the difference), has a capacity, and fails as
// its plan tells (plan.h).
//
//   SimulatedDisk disk;
//   SimulatedFiles files(disk);
//   ... io::replace_file(files, "/state/a", bytes) ...
//   const auto after = disk.power_cut(Survival::any, seed);   // `disk` goes on as if nothing was
//
// Paths are absolute; "/" is there from the start. Calls return an errno, 0 for success.
// Threading: all methods from any thread at once. Its lock is a plain mutex, because RocksDB's
// threads call it.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "simulated_disk/node.h"
#include "simulated_disk/plan.h"

namespace restored::test {

template <class T>
using DiskResult = std::expected<T, int>;  // errno

struct NodeFacts {
  std::string name;
  bool directory = false;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_unix_millis = 0;
  std::uint64_t number = 0;
  std::uint64_t names = 0;
};

enum class OpenMode : std::uint8_t { existing, create_new, create_or_open };

class SimulatedDisk {
 public:
  // An open file; keeps its bytes though it loses its names.
  class Handle {
   public:
    Handle(SimulatedDisk& disk, NodePointer node, std::string path)
        : disk_(disk), node_(std::move(node)), path_(std::move(path)) {}
    ~Handle();
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    const std::string& path() const { return path_; }
    DiskResult<std::size_t> read(std::uint64_t offset, std::span<std::byte> into);
    int write(std::uint64_t offset, std::span<const std::byte> from);
    int append(std::span<const std::byte> from);
    DiskResult<std::uint64_t> size();
    int truncate(std::uint64_t size);
    int allocate(std::uint64_t size);
    int sync();
    int close();  // reports what the plan says; the destructor closes

   private:
    int write_locked(std::uint64_t offset, std::span<const std::byte> from);
    SimulatedDisk& disk_;
    const NodePointer node_;
    const std::string path_;
  };

  static constexpr std::uint64_t unlimited = std::uint64_t{1} << 50U;
  explicit SimulatedDisk(std::uint64_t capacity_bytes = unlimited,
                         const Clock& clock = system_clock());

  DiskPlan& plan() { return plan_; }
  const Clock& clock() const { return clock_; }

  // What a power loss now leaves; the same for the same seed and tree. No locks are held on it, its
  // plan is empty.
  // What lies below one of the named directories has a fate of its own: it may stand for a disk of
  // another host.
  using Below = std::map<std::string, Survival>;
  std::unique_ptr<SimulatedDisk> power_cut(Survival survival, std::uint64_t seed,
                                           const Below& below = {});
  // What the death of the process now leaves: everything, not synced as it is.
  std::unique_ptr<SimulatedDisk> process_death();
  // From here on every call fails with EIO and does nothing: for what is left of a process whose
  // disk has lost its power.
  void freeze();
  void set_capacity(std::uint64_t bytes);

  DiskResult<std::unique_ptr<Handle>> open(const std::string& path, OpenMode mode);
  DiskResult<NodeFacts> stat(const std::string& path);
  DiskResult<std::vector<NodeFacts>> list(const std::string& directory);  // by name
  int make_directory(const std::string& path);
  int link(const std::string& existing, const std::string& added);
  int rename(const std::string& from, const std::string& to);
  int remove_file(const std::string& path);
  int remove_directory(const std::string& path);  // an empty one
  int sync_directory(const std::string& path);
  DiskResult<std::pair<std::uint64_t, std::uint64_t>> space(const std::string& path);  // free, all
  int lock(const std::string& path);  // makes the file; EWOULDBLOCK: somebody has it
  void unlock(const std::string& path);

 private:
  struct Place {
    NodePointer directory;
    std::string name;
  };
  class Copier;

  int begin(DiskCall call, const std::string& path);  // before taking the lock
  DiskResult<NodePointer> find(const std::string& path) const;
  DiskResult<Place> place_of(const std::string& path) const;
  NodePointer make_node(bool directory);
  NodeFacts facts_of(std::string name, const Node& node) const;
  bool has_room(std::uint64_t pages) const;
  // The change is noted in the directory, for the device to get later.
  void add_name(const Place& place, const NodePointer& node);
  void drop_name(const Place& place);
  void let_go(Node& node);  // its space is free when nobody has it
  int remove(const std::string& path, bool directory);
  void stamp(Node& node) const { node.modified_unix_millis = clock_.wall(); }

  const Clock& clock_;
  DiskPlan plan_;
  mutable std::mutex mutex_;  // of all that follows
  NodePointer root_;
  std::uint64_t next_node_ = 1;
  std::uint64_t next_change_ = 1;
  std::uint64_t changes_synced_ = 0;  // of the newest change before any sync
  std::uint64_t capacity_pages_;
  std::uint64_t used_pages_ = 0;
  std::set<std::string> locks_;
  bool frozen_ = false;
};

// "/a/b/../" is not understood: paths are as our own code makes them.
std::vector<std::string_view> path_parts(std::string_view path);

}  // namespace restored::test
