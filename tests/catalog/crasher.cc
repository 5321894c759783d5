// The process that crash_test kills. It does what its argument says, with the catalog alone, and
// dies where RESTORED_KILL_POINT says.
//
//   catalog_crasher ROOT create    makes ROOT/made
//   catalog_crasher ROOT work      restores ROOT/source into ROOT/db, undoes it, replaces all, and
//                                  retires what was before
//   catalog_crasher ROOT write     writes to ROOT/db until it is killed; prints each acknowledged
//                                  number
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "catalog/database.h"
#include "restored/record.h"

namespace {

using namespace restored;
using namespace restored::catalog;

template <class T>
T must(Result<T> result) {
  if (result) {
    if constexpr (std::is_void_v<T>) {
      return;
    } else {
      return std::move(*result);
    }
  }
  fmt::print(stderr, "catalog_crasher: {}\n", result.error().message);
  std::exit(1);
}

class Crasher {
 public:
  explicit Crasher(std::string root) : root_(std::move(root)) {}

  void create() { must(must(Database::create(options("made")))->close()); }

  void work() {
    const std::string staging = root_ + "/staging";
    auto source = must(Database::open(options("source")));
    const ExportedGeneration backup = must(source->export_live(staging));
    must(source->close());
    auto database = must(Database::open(options("db")));
    auto staged = must(database->ingest(staging, backup.comparator, backup.files));
    must(database->swap(std::move(staged), provenance("restore"), nullptr));
    must(database->undo(OperationId("undo"), {}));
    WriteSet records;
    records.put(record::metadata_key("replaced"),
                record::encode(record::Type::string, std::nullopt, "yes"));
    must(database->replace_all(records, nullptr));
    must(database->retire_previous());
    must(database->close());
  }

  void write() {
    auto database = must(Database::open(options("db")));
    for (std::uint64_t i = 0;; ++i) {
      WriteSet changes;
      changes.put(record::metadata_key(fmt::format("acknowledged-{}", i % 100)),
                  record::encode(record::Type::string, std::nullopt, std::to_string(i)));
      changes.put(record::metadata_key("acknowledged"),
                  record::encode(record::Type::string, std::nullopt, std::to_string(i)));
      must(database->write(database->try_begin_write(), changes, Durability::process));
      fmt::print("{}\n", i);
      std::fflush(stdout);
    }
  }

 private:
  OpenOptions options(std::string_view name) const {
    OpenOptions options;
    options.directory = root_ + "/" + std::string(name);
    options.shared = shared_.get();
    options.undo_seconds = 3600;
    return options;
  }
  static Provenance provenance(std::string_view operation) {
    Provenance provenance;
    provenance.kind = "backup";
    provenance.backup = BackupId("backup");
    provenance.operation = OperationId(std::string(operation));
    return provenance;
  }

  const std::string root_;
  const std::unique_ptr<SharedResources> shared_ = SharedResources::make(32 * kMiB);
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Crasher crasher(argv[1]);
  const std::string_view what = argv[2];
  if (what == "create") {
    crasher.create();
  } else if (what == "work") {
    crasher.work();
  } else if (what == "write") {
    crasher.write();
  } else {
    return 2;
  }
  return 0;
}
