#include "catalog/rewritten_log.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>

#include "catalog/log_records.h"

namespace restored::catalog {
namespace {

using rocksdb::FileOptions;
using rocksdb::FileSystem;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::size_t part_bytes = 1024 * 1024;

// What RocksDB takes for a file of nobody, should it stay: the number is the log's own.
std::string copy_of(const std::string& path) {
  return path.substr(0, path.rfind('.')) + ".dbtmp";
}

// Trying again brings nothing back that the device does not give.
IOStatus lost(const std::string& log, const IOStatus& why) {
  return IOStatus::Corruption(log, "cannot be read: " + why.ToString());
}

IOStatus copy(FileSystem& files, const std::string& from, const std::string& to,
              std::uint64_t bytes) {
  std::unique_ptr<rocksdb::FSSequentialFile> source;
  std::unique_ptr<rocksdb::FSWritableFile> target;
  IOStatus status = files.NewSequentialFile(from, FileOptions(), &source, nullptr);
  if (status.IsNotFound() || status.IsPathNotFound()) return lost(from, status);
  if (status.ok()) status = files.NewWritableFile(to, FileOptions(), &target, nullptr);
  if (!status.ok()) return status;
  LogRecords records(LogRecords::Checksums::compared);
  const auto buffer = std::make_unique<char[]>(part_bytes);
  while (records.bytes() < bytes) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(part_bytes, bytes - records.bytes()));
    Slice part;
    status = source->Read(wanted, IOOptions(), &part, buffer.get(), nullptr);
    if (!status.ok()) return lost(from, status);
    if (part.empty()) return IOStatus::Corruption(from, "is shorter than what was written to it");
    records.append(part.ToStringView());
    if (!records.understood()) return IOStatus::Corruption(from, "is not what was written to it");
    status = target->Append(part, IOOptions(), nullptr);
    if (!status.ok()) return status;
  }
  if (records.whole_bytes() != bytes) return IOStatus::Corruption(from, "ends within a record");
  status = target->Sync(IOOptions(), nullptr);
  const IOStatus closed = target->Close(IOOptions(), nullptr);
  return status.ok() ? closed : status;
}

}  // namespace

IOStatus rewrite_log(FileSystem& files, const std::string& path, std::uint64_t bytes) {
  const std::string copied = copy_of(path);
  IOStatus status = copy(files, path, copied, bytes);
  if (status.ok()) status = files.RenameFile(copied, path, IOOptions(), nullptr);
  if (!status.ok()) files.DeleteFile(copied, IOOptions(), nullptr).PermitUncheckedError();
  return status;
}

}  // namespace restored::catalog
