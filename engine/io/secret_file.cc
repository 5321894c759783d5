#include "io/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "io/errno_error.h"

namespace restored::io {
namespace {

FileVersion version_of(const struct stat& facts) {
  constexpr std::int64_t nanos = 1'000'000'000;
  return {facts.st_dev, facts.st_ino, static_cast<std::uint64_t>(facts.st_size),
          facts.st_mtim.tv_sec * nanos + facts.st_mtim.tv_nsec};
}

}  // namespace

Result<SecretFile> read_secret_file(const std::string& path, std::size_t bytes_max) {
  // Without waiting: a FIFO of that name must not hold us up.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return fail_errno(errno, "open", path);
  struct stat facts{};
  if (::fstat(fd.get(), &facts) != 0) return fail_errno(errno, "fstat", path);
  if (!S_ISREG(facts.st_mode))
    return fail(ErrorCode::corruption, fmt::format("{} is not a regular file", path));
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size > bytes_max)
    return fail(ErrorCode::corruption,
                fmt::format("{} has {} bytes, more than {}", path, size, bytes_max));
  SecretFile file;
  file.version = version_of(facts);
  file.others_may_read = (facts.st_mode & (S_IRGRP | S_IROTH)) != 0;
  file.text = SecretText::of_size(size);
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::read(fd.get(), file.text.bytes().data() + filled, size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read", path);
    if (got == 0) break;  // cut while we read: what is left is judged by its reader
    filled += static_cast<std::size_t>(got);
  }
  file.text.shrink(filled);
  return file;
}

Result<SecretFile> read_named_secret_file(const std::string& named, std::size_t bytes_max) {
  auto file = read_secret_file(named, bytes_max);
  if (file) return file;
  const std::size_t slash = named.rfind('/');
  struct stat facts{};
  const bool plausible = slash != std::string::npos && slash != 0 &&
                         ::stat(named.substr(0, slash).c_str(), &facts) == 0 &&
                         S_ISDIR(facts.st_mode);
  if (plausible) return file;
  return fail(
      file.error().code,
      fmt::format("the file that it names cannot be read, nor its directory; the name, of {} "
                  "characters, is not shown: it may be the secret itself",
                  named.size()));
}

Result<FileVersion> file_version(const std::string& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return fail_errno(errno, "stat", path);
  return version_of(facts);
}

}  // namespace restored::io
