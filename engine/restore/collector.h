// Collections of the repository's unreferenced objects, one at a time: in the background after a
// backup was removed, until it is done; or at once, by command.
// Threading: all methods may be called from any thread at once, stop() by the owner.
#pragma once

#include <optional>
#include <stop_token>
#include <thread>

#include "backup/repository.h"
#include "base/mutex.h"
#include "restore/engine_parts.h"
#include "restored/collection.h"
#include "restored/error.h"
#include "restored/rekey.h"

namespace restored::restore {

class Collector {
 public:
  explicit Collector(EngineParts& parts);
  // Returns at once. What another host's collection or an error delays is tried again for as long
  // as this process lives; after that it is left to a later collection, which takes it when it is
  // old enough.
  void request(backup::Leftovers leftovers);
  // Waits for its turn. Errors: collection_running (another host's), cancelled, shutting_down,
  // store errors.
  Result<CollectionReport> collect(bool dry_run, std::stop_token stop);
  // The other thing that one host does at a time. Errors: those of backup::rekey(), shutting_down.
  Result<RekeyReport> rekey(bool keep_previous, std::stop_token stop);
  // Ends what runs within a second. REQUIRES: before the parts close.
  void stop();

 private:
  void run(const std::stop_token& stop);
  enum class Kind { requested, commanded, dry_run };
  bool wait_for_request(const std::stop_token& stop);
  Result<CollectionReport> collect(Kind kind, std::stop_token stop);
  // Nothing: what was requested is done by now.
  Result<std::optional<backup::Leftovers>> begin(Kind kind, const std::stop_token& stop);
  void end(Kind kind, bool done, backup::Leftovers leftovers);

  EngineParts& parts_;
  std::stop_source stopping_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::optional<backup::Leftovers> pending_ GUARDED_BY(mutex_);
  bool collecting_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace restored::restore
