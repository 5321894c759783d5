// A directory of its own for a test, removed with everything in it at the end.
//
//   const TemporaryDirectory directory;
//   write_file(directory.file("a"), "content");
//   files.open(directory.file("a"), ...);
#pragma once

#include <string>
#include <string_view>

namespace restored::test {

class TemporaryDirectory {
 public:
  // Below std::filesystem::temp_directory_path() (TMPDIR), or below `parent`.
  TemporaryDirectory();
  explicit TemporaryDirectory(const std::string& parent);
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// Where tests that do the same thing hundreds of times, and lose nothing by a power loss, keep
// their files: in memory if the system has a place for that, else where temporary files go.
std::string memory_directory();

// Straight to the operating system, past the code under test. They abort when that fails.
void write_file(const std::string& path, std::string_view content);
std::string read_whole_file(const std::string& path);

}  // namespace restored::test
