// A small durable map for the agent's own records (the registry), over RocksDB.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "restored/error.h"
#include "restored/keyspace.h"

namespace restored::catalog {

struct Disk;  // disk.h

class RecordStore {
 public:
  static Result<std::unique_ptr<RecordStore>> open(const std::string& directory,
                                                   std::shared_ptr<const Disk> disk = nullptr);
  virtual ~RecordStore() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // All changes or none, synced to the device before it returns. Errors: none of them is there, nor
  // comes back at the next opening, unless the device takes nothing more until then.
  Result<void> write(WriteSet changes) { return finish(begin(std::move(changes))); }

  // The same in two steps. Writes count in the order in which they began, and those that wait for
  // the device together go there with one sync: they share its error. Reading may or may not see
  // what is begun and not finished.
  struct Begun {
    WriteSet changes;
    std::optional<Result<void>> outcome;
  };
  // Never waits for the device. Who begins must finish.
  virtual std::shared_ptr<Begun> begin(WriteSet changes) = 0;
  virtual Result<void> finish(const std::shared_ptr<Begun>& write) = 0;

  // In key order, until visit returns false.
  virtual Result<void> scan(
      std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
  // Against key order, from the last key below `before` (empty: of all) with the prefix, until
  // visit returns false.
  virtual Result<void> scan_back(
      std::string_view prefix, std::string_view before,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
  virtual Result<void> close() = 0;
};

}  // namespace restored::catalog
