// Small files that hold secrets: read into memory that does not leak, with what tells whether they
// have changed and who else may read them. Not through FileSystem: tests need no lying disk here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/secret_text.h"
#include "restored/error.h"

namespace restored::io {

// Differs after every change of a file that takes longer than a tick of the kernel's clock.
struct FileVersion {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_nanos = 0;
  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

struct SecretFile {
  SecretText text;
  FileVersion version;
  bool others_may_read = false;  // by its mode: the group or everybody
};

// Errors: as FileSystem; corruption (larger than bytes_max, or not a regular file).
Result<SecretFile> read_secret_file(const std::string& path, std::size_t bytes_max);
// The same for a path out of a setting, where the secret itself may stand by mistake, and may begin
// with a slash: errors do not tell the path, unless there is such a directory (and not the root).
Result<SecretFile> read_named_secret_file(const std::string& named, std::size_t bytes_max);
Result<FileVersion> file_version(const std::string& path);

}  // namespace restored::io
