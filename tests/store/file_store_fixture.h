// A directory store over a disk that fails on demand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/io_queue.h"
#include "store/open_store.h"
#include "support/fault_files.h"
#include "support/temporary_directory.h"

namespace restored::store {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string random_text(std::size_t bytes) {
  std::mt19937_64 random(bytes);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

class FileStoreTest : public testing::Test {
 protected:
  std::string root() const { return directory_.file("repository"); }
  std::string path(const std::string& key) const { return root() + "/" + key; }
  std::unique_ptr<ObjectStore> open(io::IoQueue* queue = nullptr) {
    auto store = open_store("file://" + root(), files_, queue);
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }
  std::vector<std::string> keys(ObjectStore& store, std::string_view prefix) {
    std::vector<std::string> found;
    const auto listed = store.list(prefix,
                                   [&](const ObjectInfo& info) {
                                     found.push_back(info.key);
                                     return true;
                                   },
                                   {});
    EXPECT_TRUE(listed) << listed.error().message;
    return found;
  }
  // Everything on disk that is not a directory.
  std::vector<std::string> files_on_disk() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path()))
      if (!entry.is_directory())
        found.push_back(entry.path().lexically_relative(directory_.path()).string());
    std::ranges::sort(found);
    return found;
  }

  test::TemporaryDirectory directory_;
  test::FaultPlan plan_;
  test::FaultFileSystem files_{io::system_files(), plan_};
};

}  // namespace restored::store
