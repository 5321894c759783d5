// RocksDB's own files, damaged: an opening that is refused with an error, or everything as it was,
// or what was there before the newest writes (a log's damaged end is taken for a torn one); never
// anything else. Each case is a process of its own: RocksDB asserts, and what it has opened in this
// process once would be in its caches. So this program makes no thread before it forks.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/log.h"
#include "catalog/database.h"
#include "catalog/record_store.h"
#include "damage.h"
#include "restored/record.h"
#include "support/temporary_directory.h"

namespace restored::corruption_test {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

constexpr int rows_in_tables = 10;
constexpr int rows_in_all = 15;

enum class Found : int { refused = 10, whole, prefix, wrong };

std::string name_of(int row) {
  return "row" + std::to_string(100 + row);
}
std::string value_of(int row) {
  return "the value of row " + std::to_string(row * 7919);
}

// Of the rows in the order in which they were written.
Found judge(const std::map<std::string, std::string>& rows) {
  int next = 0;
  for (const auto& [key, value] : rows) {
    if (key != name_of(next) || value != value_of(next)) return Found::wrong;
    ++next;
  }
  return next == rows_in_all ? Found::whole : Found::prefix;
}

// Its answer, or the negative number of the signal that ended it.
int in_child(const std::function<int()>& run) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    log::set_level(log::Level::error);
    if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(1);
    ::_exit(run());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class RocksdbCorruptionTest : public ::testing::Test {
 protected:
  std::string place() const { return directory_.file("state"); }
  Files files_now() const {
    Files files;
    for (const auto& entry : fs::recursive_directory_iterator(place())) {
      if (entry.is_regular_file())
        files.emplace(fs::relative(entry.path(), place()).string(),
                      test::read_whole_file(entry.path().string()));
    }
    return files;
  }
  void write(const Files& files) {
    fs::remove_all(place());
    fs::create_directories(place());
    for (const auto& [name, bytes] : files) test::write_file(place() + "/" + name, bytes);
  }

  // What is not read at an opening, or is only for people.
  static bool matters(const std::string& name) {
    return name == "CURRENT" || name.starts_with("MANIFEST-") || name.ends_with(".sst") ||
           name.ends_with(".log");
  }

  void damage_everything(const Files& whole, const std::string& of,
                         const std::function<int()>& look) {
    for (const auto& [name, bytes] : whole) {
      if (!matters(name) || bytes.empty()) continue;
      Tally tally(of + " " + name);
      // A log ends where it is not whole; MANIFEST is one, too, but for records that are whole in
      // length and have another checksum.
      const bool log = name.ends_with(".log") || name.starts_with("MANIFEST-");
      const auto run = [&](const std::string& damaged, const std::string& how) {
        Files files = whole;
        files[name] = damaged;
        write(files);
        const int found = in_child(look);
        EXPECT_GE(found, 0) << name << " " << how << " ended the process by signal " << -found;
        EXPECT_NE(found, static_cast<int>(Found::wrong)) << name << " " << how;
        const bool older = found == static_cast<int>(Found::prefix);
        EXPECT_TRUE(!older || log) << name << " " << how;
        ++(older                                     ? tally.older
           : found == static_cast<int>(Found::whole) ? tally.harmless
                                                     : tally.detected);
      };
      for (const std::size_t at : choice_.positions(bytes.size(), 12)) {
        run(choice_.flipped(bytes, at), "changed at " + std::to_string(at));
        run(bytes.substr(0, at), "cut to " + std::to_string(at));
        if (HasFailure()) return;
      }
    }
  }

  const test::TemporaryDirectory directory_{test::memory_directory()};
  Choice choice_;
};

// The agent's own records.
TEST_F(RocksdbCorruptionTest, TheRecordsAreRefusedWholeOrAPrefix) {
  const auto write_rows = [&](int begin, int end) {
    return in_child([&] {
      auto store = catalog::RecordStore::open(place());
      if (!store) return 1;
      for (int row = begin; row < end; ++row) {
        WriteSet changes;
        changes.put(name_of(row), value_of(row));
        if (!(*store)->write(changes)) return 2;
      }
      return 0;  // as a killed agent ends
    });
  };
  ASSERT_EQ(write_rows(0, rows_in_tables), 0);
  ASSERT_EQ(write_rows(rows_in_tables, rows_in_all), 0);
  damage_everything(files_now(), "records,", [&] {
    auto store = catalog::RecordStore::open(place());
    if (!store) return static_cast<int>(Found::refused);
    std::map<std::string, std::string> rows;
    const auto read = (*store)->scan("", [&](std::string_view key, std::string_view value) {
      rows.emplace(key, value);
      return true;
    });
    return static_cast<int>(read ? judge(rows) : Found::refused);
  });
}

catalog::OpenOptions options_of(const std::string& place, catalog::SharedResources& shared) {
  return {.directory = place, .shared = &shared, .undo_seconds = 3600};
}

int put_rows(catalog::Database& database, int begin, int end) {
  for (int row = begin; row < end; ++row) {
    WriteSet changes;
    changes.put(record::metadata_key(name_of(row)),
                record::encode(record::Type::string, std::nullopt, value_of(row)));
    const WritePermit permit = database.try_begin_write();
    if (!permit || !database.write(permit, changes, Durability::device)) return 2;
  }
  return 0;
}

// A database: its catalog and one generation, in a table and in the log.
TEST_F(RocksdbCorruptionTest, ADatabaseIsRefusedWholeOrAPrefix) {
  ASSERT_EQ(in_child([&] {
              const auto shared = catalog::SharedResources::make(8 * kMiB);
              auto database = catalog::Database::create(options_of(place(), *shared));
              if (!database || put_rows(**database, 0, rows_in_tables) != 0) return 1;
              if (!(*database)->export_live(directory_.file("export"))) return 3;  // flushes
              const int put = put_rows(**database, rows_in_tables, rows_in_all);
              ::_exit(put);  // as a killed agent ends
            }),
            0);
  damage_everything(files_now(), "database,", [&] {
    const auto shared = catalog::SharedResources::make(8 * kMiB);
    auto database = catalog::Database::open(options_of(place(), *shared));
    if (!database) ::_exit(static_cast<int>(Found::refused));
    std::map<std::string, std::string> rows;
    const auto cursor = (*database)->pin()->cursor();
    if (!cursor) ::_exit(static_cast<int>(Found::refused));
    for ((*cursor)->seek(""); (*cursor)->valid(); (*cursor)->next()) {
      const auto metadata = record::decode((*cursor)->value());
      const auto key = record::user_key((*cursor)->key());
      if (!metadata || !key) ::_exit(static_cast<int>(Found::wrong));
      rows.emplace(*key, metadata->payload);
    }
    ::_exit(static_cast<int>((*cursor)->status() ? judge(rows) : Found::refused));
    return 0;
  });
}

}  // namespace
}  // namespace restored::corruption_test
