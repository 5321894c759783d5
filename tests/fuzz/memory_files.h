// One file in memory, behind the interface that journals are written and read through. Every call
// that a journal has no use for aborts.
// Threading: one thread at a time.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "io/file_system.h"

namespace restored::fuzz {

class MemoryFiles final : public io::FileSystem {
 public:
  std::vector<std::byte> content;

  Result<std::unique_ptr<io::File>> open(const std::string&, io::Access access,
                                         io::Caching) override {
    if (access == io::Access::create) content.clear();
    return std::make_unique<Handle>(content);
  }
  Result<void> sync_directory(const std::string&) override { return {}; }

  Result<io::Entry> stat(const std::string&) override { unused(); }
  Result<std::vector<io::Entry>> list(const std::string&) override { unused(); }
  Result<void> make_directories(const std::string&) override { unused(); }
  Result<void> link(const std::string&, const std::string&) override { unused(); }
  Result<void> rename(const std::string&, const std::string&) override { unused(); }
  Result<void> remove_file(const std::string&) override { unused(); }
  Result<void> remove_tree(const std::string&) override { unused(); }
  Result<io::Space> space(const std::string&) override { unused(); }
  Result<std::unique_ptr<io::FileLock>> lock(const std::string&) override { unused(); }

 private:
  [[noreturn]] static void unused() { check_failed("unused", __FILE__, __LINE__, "no journal"); }

  class Handle final : public io::File {
   public:
    explicit Handle(std::vector<std::byte>& bytes) : bytes_(bytes) {}
    const std::string& path() const override { return path_; }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) override {
      if (offset + into.size() > bytes_.size())
        return fail(ErrorCode::corruption, "the file ends before");
      std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
      return {};
    }
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> from) override {
      bytes_.resize(std::max<std::size_t>(bytes_.size(), offset + from.size()));
      std::ranges::copy(from, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
      return {};
    }
    Result<std::uint64_t> size() override { return bytes_.size(); }
    Result<void> truncate(std::uint64_t size_bytes) override {
      bytes_.resize(size_bytes);
      return {};
    }
    Result<void> allocate(std::uint64_t) override { return {}; }
    Result<void> sync() override { return {}; }
    void drop_cache() override {}
    Result<void> close() override { return {}; }
    bool direct() const override { return false; }
    int descriptor() const override { return -1; }

   private:
    const std::string path_ = "journal";
    std::vector<std::byte>& bytes_;
  };
};

}  // namespace restored::fuzz
