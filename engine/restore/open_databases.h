// The databases that are open, and who works on which: at most one operation holds the claim of a
// database, and only its holder may call the catalog's exporting, ingesting and swapping methods.
// A withheld database has an instance that nobody but the claim's holder gets: its content is not
// the database's (yet).
// Threading: all methods may be called from any thread at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "catalog/database.h"
#include "restored/error.h"
#include "restored/ids.h"
#include "restored/operation.h"

namespace restored::restore {

class OpenDatabases;

// The right to work on one database; move-only, released by its destructor.
class Claim {
 public:
  Claim() = default;
  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&& other) noexcept;
  ~Claim() { release(); }
  void release() noexcept;

  const DatabaseId& id() const { return id_; }
  // False when the instance could not be opened: only OpenDatabases::replace() helps then.
  bool usable() const { return database_ != nullptr; }
  catalog::Database& database() const { return *database_; }  // REQUIRES: usable()

 private:
  friend class OpenDatabases;
  Claim(OpenDatabases* table, DatabaseId id, std::shared_ptr<catalog::Database> database)
      : table_(table), id_(std::move(id)), database_(std::move(database)) {}

  OpenDatabases* table_ = nullptr;
  DatabaseId id_;
  std::shared_ptr<catalog::Database> database_;
};

struct Working {
  OperationId operation;
  OperationKind kind = OperationKind::restore;
};

// What who wants to work on a database hears while another works on it: database_recovering, or
// database_busy when one of the two is a backup.
Error busy_error(const DatabaseId& id, OperationKind wanted, const Working& working);

class OpenDatabases {
 public:
  // Shared: sessions, the table and operations hold it; the last of them to let go of a removed
  // database hands it to collect_removed().
  using Pointer = std::shared_ptr<catalog::Database>;

  ~OpenDatabases();

  void add(const DatabaseId& id, std::unique_ptr<catalog::Database> database);
  // A database whose instance could not be opened, and why.
  void add_broken(const DatabaseId& id, Error error);
  // One that could be opened, but whose content was never restored, and why.
  void add_withheld(const DatabaseId& id, std::unique_ptr<catalog::Database> database, Error error);
  // Puts a new instance in the place of a broken one, withheld. REQUIRES: !claim.usable().
  void replace(Claim& claim, std::unique_ptr<catalog::Database> database);
  void withhold(const Claim& claim, Error error);
  // It is whole: everybody gets it.
  void publish(const DatabaseId& id);
  // Takes the instance of a withheld database, if there is one, out of the table: it is broken.
  std::unique_ptr<catalog::Database> withdraw(Claim& claim);

  Pointer find(const DatabaseId& id) const;  // null: unknown, broken or withheld
  // For recovery, before anybody is served and before there are operations: withheld ones too.
  Pointer instance(const DatabaseId& id) const;
  // Why nobody gets it: broken or withheld.
  std::optional<Error> broken(const DatabaseId& id) const;
  std::optional<Working> working(const DatabaseId& id) const;
  std::vector<DatabaseId> ids() const;

  // Errors: database_not_found, busy_error(). Waits for housekeeping, which is short.
  Result<Claim> claim(const DatabaseId& id, const OperationId& operation, OperationKind kind);
  // Errors: database_not_found; database_busy while any operation works on it.
  Result<Claim> claim_for_removal(const DatabaseId& id);
  // For housekeeping: nothing when the database is claimed, unknown, broken or withheld.
  std::optional<Claim> try_claim(const DatabaseId& id);

  // Sessions lose it at once. REQUIRES: claim is of this table; released by it.
  void remove(Claim claim);
  // Removed databases that nobody holds any more: for the caller to close and to erase.
  std::vector<std::pair<DatabaseId, std::unique_ptr<catalog::Database>>> collect_removed();

  // Closes every instance. REQUIRES: no claim, pin, permit or cursor is held; nothing but the
  // destructor may be called after it.
  Result<void> close();

 private:
  friend class Claim;
  struct Removed;   // outlives the table in the hands of late sessions
  struct Handover;  // the deleter of a Pointer
  struct Entry {
    Pointer database;
    std::optional<Error> broken;  // with a database: it is withheld
    bool claimed = false;
    std::optional<Working> working;  // absent: housekeeping, or a removal
  };
  // Errors: database_not_found, and what `busy` says of the operation that works on it.
  Result<Claim> acquire(const DatabaseId& id, std::optional<Working> working,
                        const std::function<Error(const Working&)>& busy);
  Pointer share(const DatabaseId& id, std::unique_ptr<catalog::Database> database);
  void give_back(const DatabaseId& id) noexcept;

  const std::shared_ptr<Removed> removed_ = make_removed();
  static std::shared_ptr<Removed> make_removed();
  mutable Mutex mutex_;
  ConditionVariable released_;
  std::unordered_map<DatabaseId, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace restored::restore
