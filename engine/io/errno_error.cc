#include "io/errno_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace restored::io {
namespace {

struct Translation {
  ErrorCode code;
  std::string_view hint;  // empty: the table's
};

Translation translate(int error) {
  switch (error) {
    case ENOENT:
      return {ErrorCode::file_not_found, ""};
    case EEXIST:
      return {ErrorCode::file_exists, ""};
    case EACCES:
    case EPERM:
      return {ErrorCode::permission_denied, ""};
    case ENOSPC:
      return {ErrorCode::no_space, ""};
    case EDQUOT:
      return {ErrorCode::no_space, "Raise the disk quota of the agent's user, or free its files."};
    case EIO:
      return {ErrorCode::io_error, ""};
    case EROFS:
      return {
          ErrorCode::io_error,
          "The file system is read-only. Under systemd, name the directory in ReadWritePaths= of "
          "the unit (systemctl edit restored); else look at the kernel log for the reason, "
          "repair it, and mount it for writing."};
    case EMFILE:
    case ENFILE:
      return {ErrorCode::io_error, "Raise the limit on open files (LimitNOFILE= of the unit)."};
    case EFBIG:
      return {ErrorCode::io_error,
              "The file would pass the largest size that the file system or the process's limit "
              "(LimitFSIZE= of the unit) allows."};
    case EXDEV:
      return {ErrorCode::io_error, "Both paths must be on one file system, below one mount."};
    case EMLINK:
      return {ErrorCode::io_error, "The file has as many hard links as the file system allows."};
    case ENOMEM:
      return {ErrorCode::io_error, "The kernel is out of memory."};
    case EINVAL:
      return {ErrorCode::io_error,
              "The file system refuses this kind of access; if it is direct I/O, turn that off."};
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENOTEMPTY:
      return {ErrorCode::io_error, "Check the path that the message names."};
    case ESTALE:
    case ENODEV:
    case ENXIO:
      return {ErrorCode::io_error, "The device or the network file system went away: mount again."};
    default:
      return {ErrorCode::io_error, ""};
  }
}

}  // namespace

Error errno_error(int error, std::string_view call, std::string_view path) {
  const auto [code, hint] = translate(error);
  return Error{code,
               fmt::format("{} {}: {} (errno {})", call, path,
                           std::generic_category().message(error), error),
               std::string(hint)};
}

Error short_file_error(std::string_view path, std::uint64_t offset, std::uint64_t wanted_bytes,
                       std::uint64_t read_bytes) {
  return Error{ErrorCode::corruption,
               fmt::format("{} ends after {} of {} bytes at offset {}", path, read_bytes,
                           wanted_bytes, offset),
               ""};
}

}  // namespace restored::io
