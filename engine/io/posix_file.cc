#include "io/posix_file.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "base/check.h"
#include "base/unique_fd.h"
#include "io/errno_error.h"
#include "restored/limits.h"

namespace restored::io {
namespace {

bool aligned(std::uint64_t offset, const void* memory, std::size_t bytes) {
  return (offset | reinterpret_cast<std::uintptr_t>(memory) | bytes) % limits::io_alignment == 0;
}

class PosixFile final : public File {
 public:
  PosixFile(std::string path, UniqueFd fd, Caching caching, bool direct)
      : path_(std::move(path)), fd_(std::move(fd)), caching_(caching), direct_(direct) {}

  const std::string& path() const override { return path_; }
  Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) override;
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> from) override;
  Result<std::uint64_t> size() override;
  Result<void> truncate(std::uint64_t size_bytes) override;
  Result<void> allocate(std::uint64_t size_bytes) override;
  Result<void> sync() override;
  void drop_cache() override { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }
  Result<void> close() override;
  bool direct() const override { return direct_; }
  int descriptor() const override { return fd_.get(); }

 private:
  void check_alignment(std::uint64_t offset, const void* memory, std::size_t bytes) const {
    RESTORED_CHECK(caching_ != Caching::direct || aligned(offset, memory, bytes),
                   "direct files take aligned requests");
  }

  const std::string path_;
  UniqueFd fd_;
  const Caching caching_;
  const bool direct_;
};

Result<void> PosixFile::read_at(std::uint64_t offset, std::span<std::byte> into) {
  check_alignment(offset, into.data(), into.size());
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = ::pread(fd_.get(), into.data() + done, into.size() - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "read", path_);
    }
    done += static_cast<std::size_t>(count);
    // On a direct file an odd count is the file's end; the rest could not be asked for aligned.
    const bool at_end =
        count == 0 || (direct_ && done < into.size() && done % limits::io_alignment != 0);
    if (at_end) return std::unexpected(short_file_error(path_, offset, into.size(), done));
  }
  return {};
}

Result<void> PosixFile::write_at(std::uint64_t offset, std::span<const std::byte> from) {
  check_alignment(offset, from.data(), from.size());
  std::size_t done = 0;
  while (done < from.size()) {
    const ssize_t count = ::pwrite(fd_.get(), from.data() + done, from.size() - done,
                                   static_cast<off_t>(offset + done));
    if (count < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "write", path_);
    }
    if (count == 0) return fail_errno(EIO, "write (no byte was taken)", path_);
    done += static_cast<std::size_t>(count);
    // A direct write goes on from an aligned place: the cut block is written again, whole.
    if (direct_ && done < from.size()) done -= done % limits::io_alignment;
  }
  return {};
}

Result<std::uint64_t> PosixFile::size() {
  struct ::stat facts = {};
  if (::fstat(fd_.get(), &facts) != 0) return fail_errno(errno, "fstat", path_);
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<void> PosixFile::truncate(std::uint64_t size_bytes) {
  while (::ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0) {
    if (errno != EINTR) return fail_errno(errno, "truncate", path_);
  }
  return {};
}

Result<void> PosixFile::allocate(std::uint64_t size_bytes) {
  if (size_bytes == 0) return {};
  while (::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size_bytes)) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOSYS) return {};
    if (errno != EINTR) return fail_errno(errno, "allocate", path_);
  }
  return {};
}

Result<void> PosixFile::sync() {
  // Not tried again after an error: the kernel forgets the pages that it could not write, and a
  // second fdatasync would report success for data that is lost.
  if (::fdatasync(fd_.get()) != 0) return fail_errno(errno, "fdatasync", path_);
  return {};
}

Result<void> PosixFile::close() {
  if (!fd_) return {};
  // EINTR: Linux has closed it nevertheless.
  if (::close(fd_.release()) != 0 && errno != EINTR) return fail_errno(errno, "close", path_);
  return {};
}

// Kernels from 6.1 on tell what direct I/O needs. A file system that needs more than our
// alignment, or has none, is used buffered.
bool direct_io_fits(int fd) {
  struct ::statx facts = {};
  if (::syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) != 0) return true;
  if ((facts.stx_mask & STATX_DIOALIGN) == 0) return true;  // not told: the attempt decides
  const auto fits = [](std::uint32_t alignment) {
    return alignment != 0 && limits::io_alignment % alignment == 0;
  };
  return fits(facts.stx_dio_mem_align) && fits(facts.stx_dio_offset_align);
}

// Set after the open: an open with O_CREAT | O_DIRECT makes the file even where it then fails.
bool make_direct(int fd) {
  if (!direct_io_fits(fd)) return false;
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;
}

}  // namespace

Result<std::unique_ptr<File>> open_posix_file(const std::string& path, Access access,
                                              Caching caching) {
  int flags = O_CLOEXEC;
  switch (access) {
    case Access::read:
      flags |= O_RDONLY;
      break;
    case Access::write:
      flags |= O_RDWR;
      break;
    case Access::create:
      flags |= O_RDWR | O_CREAT | O_EXCL;
      break;
    case Access::create_or_open:
      flags |= O_RDWR | O_CREAT;
      break;
  }
  int opened = -1;
  do {
    opened = ::open(path.c_str(), flags, 0640);
  } while (opened < 0 && errno == EINTR);
  if (opened < 0) return fail_errno(errno, "open", path);
  UniqueFd fd(opened);
  const bool direct = caching == Caching::direct && make_direct(fd.get());
  return std::make_unique<PosixFile>(path, std::move(fd), caching, direct);
}

}  // namespace restored::io
