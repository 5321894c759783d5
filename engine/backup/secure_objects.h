// The part of making a backup that makes it safe beside collections of other hosts: announce what
// it needs, wait for collections that may not have read that, then see that everything is there.
// See "Order of writing and removing" in format/FORMAT.md.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string_view>
#include <vector>

#include "backup/collection_times.h"
#include "backup/repository.h"
#include "restored/error.h"

namespace restored::backup {

struct NamedObject {
  format::ContentId content;
  std::uint64_t bytes = 0;  // of the whole object
  friend auto operator<=>(const NamedObject&, const NamedObject&) = default;
};

struct LostObjects {
  std::set<format::ContentId> missing;
  std::set<format::ContentId> other_size;  // than the backup would say
  bool empty() const { return missing.empty() && other_size.empty(); }
};

// Compares all of them with the store. Errors: cancelled, store errors.
Result<LostObjects> find_lost(ObjectStore& store, std::vector<NamedObject> objects,
                              const StoreCall& call);

struct ObjectsToSecure {
  BackupId backup;
  DatabaseId database;
  // What the manifest would name now.
  std::function<std::vector<NamedObject>()> objects;
  // Writes them again, or learns their size; their contents do not change.
  std::function<Result<void>(const LostObjects&)> write_again;
  std::function<void(std::string_view)> waits_on;  // for people; empty: no longer
  CollectionTimes times;
};

// When it returns without error every object is there, durably, and no collection removes one as
// long as the contents stay. The contents are left to the caller on error (Repository::withdraw).
// Errors: those of write_again, cancelled, object_not_found (they keep disappearing), store errors.
Result<void> secure_objects(Repository& repository, const ObjectsToSecure& request,
                            const StoreCall& call);

}  // namespace restored::backup
