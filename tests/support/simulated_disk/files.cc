#include "simulated_disk/files.h"

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "io/errno_error.h"
#include "restored/limits.h"

namespace restored::test {
namespace {

Result<void> checked(int error, std::string_view call, std::string_view path) {
  if (error == 0) return {};
  return io::fail_errno(error, call, path);
}

bool aligned(std::uint64_t offset, const void* memory, std::size_t bytes) {
  return (offset | reinterpret_cast<std::uintptr_t>(memory) | bytes) % limits::io_alignment == 0;
}

class OpenFile final : public io::File {
 public:
  OpenFile(std::unique_ptr<SimulatedDisk::Handle> handle, bool direct)
      : handle_(std::move(handle)), direct_(direct) {}

  const std::string& path() const override { return handle_->path(); }
  Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    check_alignment(offset, into.data(), into.size());
    const auto count = handle_->read(offset, into);
    if (!count) return io::fail_errno(count.error(), "read", path());
    if (*count < into.size())
      return std::unexpected(io::short_file_error(path(), offset, into.size(), *count));
    return {};
  }
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> from) override {
    check_alignment(offset, from.data(), from.size());
    return checked(handle_->write(offset, from), "write", path());
  }
  Result<std::uint64_t> size() override {
    const auto size = handle_->size();
    if (!size) return io::fail_errno(size.error(), "fstat", path());
    return *size;
  }
  Result<void> truncate(std::uint64_t size_bytes) override {
    return checked(handle_->truncate(size_bytes), "truncate", path());
  }
  Result<void> allocate(std::uint64_t size_bytes) override {
    return checked(handle_->allocate(size_bytes), "allocate", path());
  }
  Result<void> sync() override { return checked(handle_->sync(), "fdatasync", path()); }
  void drop_cache() override {}
  Result<void> close() override { return checked(handle_->close(), "close", path()); }
  bool direct() const override { return direct_; }
  int descriptor() const override { return -1; }

 private:
  void check_alignment(std::uint64_t offset, const void* memory, std::size_t bytes) const {
    RESTORED_CHECK(!direct_ || aligned(offset, memory, bytes),
                   "direct files take aligned requests");
  }

  const std::unique_ptr<SimulatedDisk::Handle> handle_;
  const bool direct_;
};

class HeldLock final : public io::FileLock {
 public:
  HeldLock(SimulatedDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  ~HeldLock() override { disk_.unlock(path_); }

 private:
  SimulatedDisk& disk_;
  const std::string path_;
};

io::Entry entry_of(NodeFacts facts) {
  io::Entry entry;
  entry.name = std::move(facts.name);
  entry.directory = facts.directory;
  entry.size_bytes = facts.size_bytes;
  entry.modified_unix_millis = facts.modified_unix_millis;
  entry.inode = facts.number;
  entry.links = facts.names;
  return entry;
}

}  // namespace

SimulatedFiles::SimulatedFiles(SimulatedDisk& disk, Mounts mounts)
    : disk_(disk),
      mounts_(std::move(mounts)),
      maker_(*this, {[this](const std::string& path) { return disk_of(path).make_directory(path); },
                     [this](const std::string& path) {
                       return checked(disk_of(path).sync_directory(io::parent_directory(path)),
                                      "fsync", path);
                     }}) {}

SimulatedDisk& SimulatedFiles::disk_of(const std::string& path) const {
  for (const auto& [prefix, disk] : mounts_) {
    if (path == prefix || path.starts_with(prefix + "/")) return *disk;
  }
  return disk_;
}

Result<std::unique_ptr<io::File>> SimulatedFiles::open(const std::string& path, io::Access access,
                                                       io::Caching caching) {
  OpenMode mode = OpenMode::existing;
  if (access == io::Access::create) mode = OpenMode::create_new;
  if (access == io::Access::create_or_open) mode = OpenMode::create_or_open;
  auto handle = disk_of(path).open(path, mode);
  if (!handle) return io::fail_errno(handle.error(), "open", path);
  return std::make_unique<OpenFile>(std::move(*handle), caching == io::Caching::direct);
}

Result<io::Entry> SimulatedFiles::stat(const std::string& path) {
  auto facts = disk_of(path).stat(path);
  if (!facts) return io::fail_errno(facts.error(), "stat", path);
  return entry_of(std::move(*facts));
}

Result<std::vector<io::Entry>> SimulatedFiles::list(const std::string& directory) {
  auto found = disk_of(directory).list(directory);
  if (!found) return io::fail_errno(found.error(), "list", directory);
  std::vector<io::Entry> entries;
  for (NodeFacts& facts : *found) entries.push_back(entry_of(std::move(facts)));
  return entries;
}

Result<void> SimulatedFiles::link(const std::string& existing, const std::string& added) {
  const bool one_disk = &disk_of(existing) == &disk_of(added);
  return checked(one_disk ? disk_of(added).link(existing, added) : EXDEV, "link",
                 existing + " to " + added);
}

Result<void> SimulatedFiles::rename(const std::string& from, const std::string& to) {
  const bool one_disk = &disk_of(from) == &disk_of(to);
  return checked(one_disk ? disk_of(to).rename(from, to) : EXDEV, "rename", from + " to " + to);
}

Result<void> SimulatedFiles::remove_file(const std::string& path) {
  const int error = disk_of(path).remove_file(path);
  return checked(error == ENOENT ? 0 : error, "remove", path);
}

Result<void> SimulatedFiles::remove_tree(const std::string& path) {
  SimulatedDisk& disk = disk_of(path);
  int error = disk.remove_file(path);
  if (error == EISDIR) {
    const auto found = disk.list(path);
    if (!found) return io::fail_errno(found.error(), "list", path);
    for (const NodeFacts& facts : *found) RESTORED_TRY(remove_tree(path + "/" + facts.name));
    error = disk.remove_directory(path);
  }
  return checked(error == ENOENT ? 0 : error, "remove", path);
}

Result<void> SimulatedFiles::sync_directory(const std::string& path) {
  return checked(disk_of(path).sync_directory(path), "fsync", path);
}

Result<io::Space> SimulatedFiles::space(const std::string& path) {
  const auto space = disk_of(path).space(path);
  if (!space) return io::fail_errno(space.error(), "statvfs", path);
  return io::Space{space->first, space->second};
}

Result<std::unique_ptr<io::FileLock>> SimulatedFiles::lock(const std::string& path) {
  SimulatedDisk& disk = disk_of(path);
  const int error = disk.lock(path);
  if (error == EWOULDBLOCK) return io::lock_is_held(path);
  if (error != 0) return io::fail_errno(error, "flock", path);
  return std::make_unique<HeldLock>(disk, path);
}

}  // namespace restored::test
