// A repository in a directory, with sample backups in it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "backup/repository.h"
#include "counting_store.h"
#include "io/file_system.h"
#include "sample_backup.h"
#include "store/open_store.h"
#include "support/temporary_directory.h"

namespace restored::test {

class RepositoryFixture : public testing::Test {
 protected:
  explicit RepositoryFixture(const std::string& parent = std::filesystem::temp_directory_path())
      : directory_(parent),
        files_store_(store::open_store("file://" + root(), io::system_files(), nullptr).value()),
        store_(*files_store_) {}

  std::string root() const { return directory_.file("repository"); }
  std::string path(const std::string& key) const { return root() + "/" + key; }

  std::unique_ptr<backup::Repository> open() {
    auto repository = backup::Repository::open(store_, {});
    EXPECT_TRUE(repository) << repository.error().message;
    return std::move(*repository);
  }

  // Straight to the disk, without the store's syncs: the objects are not what is tested.
  void put_objects(const SampleBackup& backup) {
    for (std::size_t i = 0; i < backup.objects.size(); ++i) {
      const std::string object = path(format::object_key(backup.manifest.files[i].content));
      std::filesystem::create_directories(std::filesystem::path(object).parent_path());
      write_file(object, backup.objects[i].bytes);
    }
  }
  void publish(backup::Repository& repository, const SampleBackup& backup) {
    put_objects(backup);
    ASSERT_TRUE(repository.announce(contents_of(backup.manifest), {}));
    const auto published = repository.publish(backup.manifest, backup.frames, {});
    EXPECT_TRUE(published) << published.error().message;
  }

  std::vector<std::string> keys() {
    std::vector<std::string> found;
    EXPECT_TRUE(files_store_->list("",
                                   [&](const ObjectInfo& info) {
                                     found.push_back(info.key);
                                     return true;
                                   },
                                   {}));
    return found;
  }
  std::vector<std::string> keys_of(const SampleBackup& backup) const {
    std::vector<std::string> found{
        format::frames_key(backup.manifest.backup), format::contents_key(backup.manifest.backup),
        format::manifest_key(backup.manifest.backup),
        format::summary_key(backup.manifest.database, backup.manifest.backup)};
    for (const format::ManifestFile& file : backup.manifest.files)
      found.push_back(format::object_key(file.content));
    return found;
  }
  // The repository holds these keys and repository.json.
  void expect_keys(std::vector<std::string> expected) {
    expected.emplace_back(format::repository_key);
    std::ranges::sort(expected);
    expected.erase(std::ranges::unique(expected).begin(), expected.end());
    EXPECT_EQ(keys(), expected);
  }

  // In place: ext4 syncs a file that is cut to nothing and written again.
  void damage(const std::string& key, std::size_t at) {
    std::fstream file(path(key), std::ios::in | std::ios::out | std::ios::binary);
    char byte = 0;
    file.seekg(static_cast<std::streamoff>(at)).get(byte);
    byte = static_cast<char>(byte ^ 0x40);
    file.seekp(static_cast<std::streamoff>(at)).put(byte);
    ASSERT_TRUE(file.flush()) << key << " at " << at;
  }
  void age(const std::string& key, std::chrono::hours age) {
    std::filesystem::last_write_time(path(key),
                                     std::filesystem::file_time_type::clock::now() - age);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<ObjectStore> files_store_;
  CountingStore store_;
};

}  // namespace restored::test
