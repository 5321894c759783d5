// What the catalog's tests share: databases in a directory of their own, short ways to write and
// read, exports and stagings, and a content hash over everything that a generation holds.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "catalog/database.h"
#include "support/temporary_directory.h"

namespace restored::catalog::test {

using Content = std::map<std::string, std::string>;

// A clock that tests move.
class ManualClock final : public Clock {
 public:
  UnixMillis wall() const override { return now_; }
  std::chrono::steady_clock::time_point monotonic() const override {
    return begin_ + std::chrono::milliseconds(passed_.load());
  }
  void set(UnixMillis now) { now_ = now; }  // somebody does: time itself goes on as it did
  void advance(UnixMillis by) {
    now_ += by;
    passed_ += by;
  }

 private:
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::atomic<UnixMillis> now_ = 1'700'000'000'000;
  std::atomic<UnixMillis> passed_ = 0;
};

// Everything a generation holds, through a cursor.
Content content_of(const Generation& generation);
// As many answers as keys; a failure fails the test.
std::vector<std::optional<std::string>> get_many(const Generation& generation,
                                                 std::span<const std::string_view> keys);
inline Content content_of(const Database& database) {
  return content_of(*database.pin());
}

// Raw records of string keys.
std::string raw_key(std::string_view key);
std::string raw_value(std::string_view value, std::optional<UnixMillis> expires_at = {});

// `count` keys "<prefix>00000000"... with values of `value_bytes` that depend on `seed`.
Content made_content(std::string_view prefix, int count, std::size_t value_bytes, unsigned seed);

// One write under one permit; waits for an open gate.
void put_all(Database& database, const Content& content,
             Durability durability = Durability::process);
void put(Database& database, std::string_view key, std::string_view value);
void erase(Database& database, std::string_view key);

Expectation expectation_of(const ExportedGeneration& exported);
Provenance restored_from(std::string_view backup, std::string_view operation);

class CatalogTest : public ::testing::Test {
 protected:
  OpenOptions options(std::string_view name, std::uint64_t undo_seconds = 3600);
  std::unique_ptr<Database> create(std::string_view name, std::uint64_t undo_seconds = 3600);
  std::unique_ptr<Database> open(std::string_view name, std::uint64_t undo_seconds = 3600);
  std::unique_ptr<Database> reopened(std::unique_ptr<Database> database, std::string_view name);

  // An export of the live generation in a fresh directory, as a restore would stage it.
  ExportedGeneration exported(Database& database);
  // The whole way of a restore after its fetch.
  SwapReport restored_into(Database& database, const ExportedGeneration& from,
                           std::string_view operation = "op");

  std::string path(std::string_view name) const { return directory_.file(name); }
  std::vector<std::string> column_families(std::string_view name) const;  // of a closed database
  // RocksDB may still be deleting files of a database that was closed a moment ago.
  void remove(std::string_view name) const;
  std::vector<std::string> sst_files(std::string_view name) const;

  ManualClock clock_;
  std::unique_ptr<SharedResources> shared_ = SharedResources::make(64 * kMiB);

 private:
  restored::test::TemporaryDirectory directory_;
  int exports_ = 0;
};

}  // namespace restored::catalog::test
