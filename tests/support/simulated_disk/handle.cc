#include <cerrno>

#include "simulated_disk/disk.h"

namespace restored::test {

SimulatedDisk::Handle::~Handle() {
  const std::lock_guard lock(disk_.mutex_);
  --node_->opens;
  disk_.let_go(*node_);
}

DiskResult<std::size_t> SimulatedDisk::Handle::read(std::uint64_t offset,
                                                    std::span<std::byte> into) {
  if (const int error = disk_.begin(DiskCall::read, path_); error != 0)
    return std::unexpected(error);
  const std::lock_guard lock(disk_.mutex_);
  if (disk_.frozen_) return std::unexpected(EIO);
  return node_->bytes.read(offset, into);
}

int SimulatedDisk::Handle::write_locked(std::uint64_t offset, std::span<const std::byte> from) {
  const std::uint64_t end = offset + from.size();
  const std::uint64_t pages = (end + page_bytes - 1) / page_bytes;
  const std::uint64_t had = node_->used_pages();
  if (pages > had && !disk_.has_room(pages - had)) return ENOSPC;
  node_->bytes.write(offset, from);
  disk_.used_pages_ += node_->used_pages() - had;
  disk_.stamp(*node_);
  return 0;
}

int SimulatedDisk::Handle::write(std::uint64_t offset, std::span<const std::byte> from) {
  const DiskPlan::Verdict verdict = disk_.plan_.next(DiskCall::write, path_);
  const std::lock_guard lock(disk_.mutex_);
  if (disk_.frozen_) return EIO;
  if (verdict.error == 0) return write_locked(offset, from);
  const auto part =
      static_cast<std::size_t>(static_cast<double>(from.size()) * verdict.written_part);
  if (part > 0) (void)write_locked(offset, from.first(part));
  return verdict.error;
}

int SimulatedDisk::Handle::append(std::span<const std::byte> from) {
  const DiskPlan::Verdict verdict = disk_.plan_.next(DiskCall::write, path_);
  const std::lock_guard lock(disk_.mutex_);
  if (disk_.frozen_) return EIO;
  if (verdict.error == 0) return write_locked(node_->bytes.size(), from);
  const auto part =
      static_cast<std::size_t>(static_cast<double>(from.size()) * verdict.written_part);
  if (part > 0) (void)write_locked(node_->bytes.size(), from.first(part));
  return verdict.error;
}

DiskResult<std::uint64_t> SimulatedDisk::Handle::size() {
  if (const int error = disk_.begin(DiskCall::stat, path_); error != 0)
    return std::unexpected(error);
  const std::lock_guard lock(disk_.mutex_);
  if (disk_.frozen_) return std::unexpected(EIO);
  return node_->bytes.size();
}

int SimulatedDisk::Handle::truncate(std::uint64_t size) {
  if (const int error = disk_.begin(DiskCall::truncate, path_); error != 0) return error;
  const std::lock_guard lock(disk_.mutex_);
  if (disk_.frozen_) return EIO;
  disk_.used_pages_ -= node_->used_pages();
  node_->bytes.resize(size);
  disk_.used_pages_ += node_->used_pages();
  disk_.stamp(*node_);
  return 0;
}

int SimulatedDisk::Handle::allocate(std::uint64_t size) {
  if (const int error = disk_.begin(DiskCall::allocate, path_); error != 0) return error;
  const std::lock_guard lock(disk_.mutex_);
  if (disk_.frozen_) return EIO;
  const std::uint64_t pages = (size + page_bytes - 1) / page_bytes;
  const std::uint64_t had = node_->used_pages();
  if (pages > had && !disk_.has_room(pages - had)) return ENOSPC;
  if (size > node_->bytes.size()) node_->bytes.resize(size);
  disk_.used_pages_ += node_->used_pages() - had;
  return 0;
}

int SimulatedDisk::Handle::sync() {
  const DiskPlan::Verdict verdict = disk_.plan_.next(DiskCall::sync, path_);
  const std::lock_guard lock(disk_.mutex_);
  if (disk_.frozen_) return EIO;
  if (verdict.error != 0) {
    node_->bytes.forget_unwritten(verdict.written_part);
    return verdict.error;
  }
  if (verdict.ignored) return 0;
  node_->bytes.sync();
  disk_.changes_synced_ = disk_.next_change_ - 1;
  return 0;
}

int SimulatedDisk::Handle::close() {
  return disk_.begin(DiskCall::close, path_);
}

}  // namespace restored::test
