// A small repository with two backups of one database: the older one of two files, the newer one of
// those and a third, which has two frames.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "changed_store.h"
#include "damage.h"
#include "support/temporary_directory.h"
#include "test_host.h"
#include "test_keys.h"

namespace restored::corruption_test {

using test::Content;
using test::records;
using test::TestHost;

// Rows of 4 KiB that are all alike to zstd, and not to RocksDB's compression of each block: many
// bytes of file, few of object.
inline Content wide_rows() {
  const std::string value = records("w", 1, 77, 4096).begin()->second;
  Content rows;
  for (int i = 0; i < 320; ++i) rows.emplace("wide:" + std::to_string(1000 + i), value);
  return rows;
}

struct Scene {
  explicit Scene(bool with_key) : encrypted(with_key) {
    if (encrypted) key_file = test::new_key_file(directory.file("key"));
    TestHost maker(directory.file("maker"), repository());
    maker.options.encryption.key_file = key_file;
    maker.open();
    source = maker.make_database("orders");
    maker.put(source, records("a:", 8, 1, 40));
    maker.back_up(source);
    maker.put(source, records("b:", 8, 2, 40));
    older = maker.back_up(source);
    older_content = maker.content(source);
    maker.put(source, wide_rows());
    newer = maker.back_up(source);
    newer_content = maker.content(source);
    maker.close();
    files = files_of(repository());
  }

  std::string repository() const { return directory.file("repository"); }

  // Key to bytes.
  static std::map<std::string, std::string> files_of(const std::string& place) {
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) {
      if (!entry.is_regular_file()) continue;
      const std::string path = entry.path().string();
      found.emplace(path.substr(place.size() + 1), test::read_whole_file(path));
    }
    return found;
  }
  std::string document(const BackupId& backup, const std::string& name) const {
    return "backups/" + backup.value + "/" + name;
  }
  // What a restore of the newer backup reads.
  std::vector<std::string> read_by_a_restore() const {
    std::vector<std::string> keys{document(newer, "manifest"), document(newer, "frames")};
    for (const auto& [key, bytes] : files)
      if (key.starts_with("objects/")) keys.push_back(key);
    return keys;
  }
  backup::KeyRing ring() const {
    std::vector<format::WrappingKey> keys;
    if (encrypted) {
      std::string digits = test::read_whole_file(key_file);
      keys.emplace_back(*seal::Key::parse(digits));
    }
    return backup::KeyRing(std::move(keys));
  }

  const test::TemporaryDirectory directory{test::memory_directory()};
  const bool encrypted;
  std::string key_file;
  DatabaseId source;
  BackupId older;
  BackupId newer;
  Content older_content;
  Content newer_content;
  std::map<std::string, std::string> files;
};

}  // namespace restored::corruption_test
