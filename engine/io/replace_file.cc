// Whole small files: read at once, and replaced so that a crash leaves the old or the new one.
#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "base/random.h"
#include "io/file_system.h"

namespace restored::io {
namespace {

constexpr std::string_view temporary_suffix = ".tmp";

Result<void> write_new_file(FileSystem& files, const std::string& path,
                            std::span<const std::byte> content) {
  RESTORED_TRY(const auto file, files.open(path, Access::create, Caching::buffered));
  RESTORED_TRY(file->write_at(0, content));
  RESTORED_TRY(file->sync());
  return file->close();
}

}  // namespace

Result<std::string> read_file(FileSystem& files, const std::string& path, std::uint64_t bytes_max) {
  RESTORED_TRY(const auto file, files.open(path, Access::read, Caching::buffered));
  RESTORED_TRY(const std::uint64_t size_bytes, file->size());
  if (size_bytes > bytes_max) {
    return fail(ErrorCode::corruption,
                fmt::format("{} has {} bytes, more than {}", path, size_bytes, bytes_max));
  }
  std::string content(size_bytes, '\0');
  RESTORED_TRY(file->read_at(0, std::as_writable_bytes(std::span(content))));
  return content;
}

Result<void> replace_file(FileSystem& files, const std::string& path,
                          std::span<const std::byte> content) {
  const std::string directory = parent_directory(path);
  const auto slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  // A name of its own for each attempt: two that replace the same file at once (other hosts, in a
  // shared repository) must not write into each other's.
  const std::string temporary =
      fmt::format("{}/.{}.{}{}", directory, name, random_id(12), temporary_suffix);
  auto done = write_new_file(files, temporary, content);
  if (done) done = files.rename(temporary, path);
  if (!done) {
    // The first error is the one to report; what is left over has a name that nobody reads.
    (void)files.remove_file(temporary);
    return done;
  }
  return files.sync_directory(directory);
}

Result<void> remove_cut_off_replacements(FileSystem& files, const std::string& directory) {
  RESTORED_TRY(const std::vector<Entry> entries, files.list(directory));
  for (const Entry& entry : entries) {
    if (!entry.name.starts_with('.') || !entry.name.ends_with(temporary_suffix)) continue;
    RESTORED_TRY(files.remove_file(directory + "/" + entry.name));
  }
  return {};
}

}  // namespace restored::io
