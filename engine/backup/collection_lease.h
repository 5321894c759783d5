// The right to remove objects from a repository: a mark in it, which other hosts see and heed, and
// which is renewed for as long as the lease is held. At most one collection holds it, as far as
// they all keep to the times; but nothing is lost when two do, since a backup waits for both.
// Threading: one thread owns it; stop_token() and lapsed() from any thread.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "backup/collection_times.h"
#include "base/boot_clock.h"
#include "base/mutex.h"
#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/units.h"

namespace restored::backup {

class CollectionLease {
 public:
  // Errors: collection_running (another host's mark is there, and not stale), cancelled, store
  // errors; no mark is left then, as far as the store still obeys.
  static Result<std::unique_ptr<CollectionLease>> take(ObjectStore& store, std::string host,
                                                       const CollectionTimes& times,
                                                       const StoreCall& call);
  // Without release() the mark stays, and goes stale.
  ~CollectionLease() { abort_.request_stop(); }
  CollectionLease(const CollectionLease&) = delete;
  CollectionLease& operator=(const CollectionLease&) = delete;

  // The store's time when the mark was written: a little in the past, so ages are never too high.
  UnixMillis store_time() const { return store_time_; }
  // Nothing may be removed any more: the mark could not be renewed in time. For ever.
  bool lapsed() const;
  // Stopped when it lapses.
  std::stop_token stop_token() const { return lapse_.get_token(); }

  // A removal that failed so has not happened in the store, and will not. Any other failure leaves
  // it in doubt.
  static bool refused(const Error& error);
  // REQUIRES: every removal has ended, and none of them may still come to pass in the store.
  Result<void> release(const StoreCall& call);

 private:
  using Time = BootClock::time_point;
  CollectionLease(ObjectStore& store, std::string id, std::string host,
                  const CollectionTimes& times)
      : store_(store), id_(std::move(id)), host_(std::move(host)), times_(times) {}
  Result<void> write_mark(const StoreCall& call);
  Result<void> come_first(const StoreCall& call);
  void begin(const StoreCall& call);
  void renew(const std::stop_token& stop, StoreCall call);
  void watch(const std::stop_token& stop);
  Time renewed_at() const;

  ObjectStore& store_;
  const std::string id_;
  const std::string host_;
  const CollectionTimes times_;
  UnixMillis store_time_ = 0;
  std::stop_source lapse_;
  std::stop_source abort_;  // ends a renewal that is on its way
  mutable Mutex mutex_;
  Time renewed_at_ GUARDED_BY(mutex_);  // when the last renewal that succeeded began
  std::jthread renewer_;                // last: they use the rest
  std::jthread watcher_;
};

}  // namespace restored::backup
