#include "simulated_disk/rocksdb_open_files.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/check.h"
#include "simulated_disk/rocksdb_files.h"

namespace restored::test {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::size_t direct_alignment = 4096;

std::span<const std::byte> bytes_of(const Slice& data) {
  return std::as_bytes(std::span(data.data(), data.size()));
}

IOStatus read_into(SimulatedDisk::Handle& handle, bool direct, std::uint64_t offset, std::size_t n,
                   Slice* result, char* scratch) {
  RESTORED_CHECK(
      !direct || (offset | n | reinterpret_cast<std::uintptr_t>(scratch)) % direct_alignment == 0,
      "direct files take aligned requests");
  const auto count = handle.read(offset, std::as_writable_bytes(std::span(scratch, n)));
  *result = Slice(scratch, count ? *count : 0);
  return count ? IOStatus::OK() : io_status(count.error(), "read", handle.path());
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  SequentialFile(OpenHandle handle, bool direct) : handle_(std::move(handle)), direct_(direct) {}

  IOStatus Read(std::size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    IOStatus status = read_into(*handle_, direct_, at_, n, result, scratch);
    at_ += result->size();
    return status;
  }
  IOStatus PositionedRead(std::uint64_t offset, std::size_t n, const IOOptions&, Slice* result,
                          char* scratch, IODebugContext*) override {
    return read_into(*handle_, direct_, offset, n, result, scratch);
  }
  IOStatus Skip(std::uint64_t n) override {
    at_ += n;
    return IOStatus::OK();
  }
  bool use_direct_io() const override { return direct_; }
  IOStatus InvalidateCache(std::size_t, std::size_t) override { return IOStatus::OK(); }

 private:
  const OpenHandle handle_;
  const bool direct_;
  std::uint64_t at_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  RandomAccessFile(OpenHandle handle, bool direct) : handle_(std::move(handle)), direct_(direct) {}

  IOStatus Read(std::uint64_t offset, std::size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return read_into(*handle_, direct_, offset, n, result, scratch);
  }
  bool use_direct_io() const override { return direct_; }
  IOStatus InvalidateCache(std::size_t, std::size_t) override { return IOStatus::OK(); }

 private:
  const OpenHandle handle_;
  const bool direct_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(OpenHandle handle, std::uint64_t size_bytes, const rocksdb::FileOptions& options)
      : FSWritableFile(options),
        handle_(std::move(handle)),
        direct_(options.use_direct_writes),
        size_(size_bytes) {}

  using FSWritableFile::Append;
  using FSWritableFile::PositionedAppend;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    const int error = handle_->write(size_, bytes_of(data));
    if (error == 0) size_ += data.size();
    return io_status(error, "append", handle_->path());
  }
  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions&,
                            IODebugContext*) override {
    const int error = handle_->write(offset, bytes_of(data));
    if (error == 0) size_ = std::max(size_, offset + data.size());
    return io_status(error, "append", handle_->path());
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override {
    const int error = handle_->truncate(size);
    if (error == 0) size_ = size;
    return io_status(error, "truncate", handle_->path());
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override {
    return io_status(handle_->close(), "close", handle_->path());
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return io_status(handle_->sync(), "fdatasync", handle_->path());
  }
  // sync_file_range: begins to write, promises nothing.
  IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions& options,
                     IODebugContext* debug) override {
    return strict_bytes_per_sync_ ? Sync(options, debug) : IOStatus::OK();
  }
  bool IsSyncThreadSafe() const override { return true; }
  bool use_direct_io() const override { return direct_; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }
  IOStatus InvalidateCache(std::size_t, std::size_t) override { return IOStatus::OK(); }

 private:
  const OpenHandle handle_;
  const bool direct_;
  std::uint64_t size_;
};

class RandomRWFile final : public rocksdb::FSRandomRWFile {
 public:
  explicit RandomRWFile(OpenHandle handle) : handle_(std::move(handle)) {}

  IOStatus Write(std::uint64_t offset, const Slice& data, const IOOptions&,
                 IODebugContext*) override {
    return io_status(handle_->write(offset, bytes_of(data)), "write", handle_->path());
  }
  IOStatus Read(std::uint64_t offset, std::size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return read_into(*handle_, false, offset, n, result, scratch);
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return io_status(handle_->sync(), "fdatasync", handle_->path());
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override {
    return io_status(handle_->close(), "close", handle_->path());
  }

 private:
  const OpenHandle handle_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(SimulatedDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return io_status(disk_.sync_directory(path_), "fsync", path_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  SimulatedDisk& disk_;
  const std::string path_;
};

}  // namespace

std::unique_ptr<rocksdb::FSSequentialFile> sequential_file(OpenHandle handle, bool direct) {
  return std::make_unique<SequentialFile>(std::move(handle), direct);
}
std::unique_ptr<rocksdb::FSRandomAccessFile> random_access_file(OpenHandle handle, bool direct) {
  return std::make_unique<RandomAccessFile>(std::move(handle), direct);
}
std::unique_ptr<rocksdb::FSWritableFile> writable_file(OpenHandle handle, std::uint64_t size_bytes,
                                                       const rocksdb::FileOptions& options) {
  return std::make_unique<WritableFile>(std::move(handle), size_bytes, options);
}
std::unique_ptr<rocksdb::FSRandomRWFile> random_rw_file(OpenHandle handle) {
  return std::make_unique<RandomRWFile>(std::move(handle));
}
std::unique_ptr<rocksdb::FSDirectory> directory(SimulatedDisk& disk, std::string path) {
  return std::make_unique<Directory>(disk, std::move(path));
}

}  // namespace restored::test
