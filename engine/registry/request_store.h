// RequestRecords over the registry's store. Of the claims it holds the keys in memory, of the audit
// nothing but the numbers of its first and last entry.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "catalog/record_store.h"
#include "registry/request_records.h"
#include "restored/requests.h"

namespace restored::registry {

class RequestStore final : public RequestRecords {
 public:
  // The store outlives it.
  explicit RequestStore(catalog::RecordStore& store) : store_(store) {}
  // REQUIRES: before anything else is called.
  Result<void> load();

  Result<Claimed> claim(const std::string& key, const std::string& fingerprint,
                        UnixMillis now) override;
  Result<void> record(AuditEntry entry, const RequestClaim* claim,
                      const std::string& answer) override;
  Result<AuditPage> audit(const AuditQuery& query) const override;
  Result<void> forget_old(UnixMillis now) override;

 private:
  void release(const std::string& key) noexcept override;
  Result<Claimed> claim_held(const std::string& key, const std::string& fingerprint,
                             UnixMillis now);
  Result<void> begin(const std::string& key, const StoredRequest& stored);
  void index(const std::string& key, UnixMillis created_at) REQUIRES_LOCK(mutex_);
  void drop(const std::string& key) REQUIRES_LOCK(mutex_);
  Result<void> forget_requests(UnixMillis before);
  Result<bool> forget_audit(UnixMillis before);

  catalog::RecordStore& store_;
  // Held over each synced write: the audit's numbers are in the order in which it grows, and what
  // is forgotten is gone before it is claimed anew.
  Mutex appending_;
  mutable Mutex mutex_;
  std::map<std::string, StoredRequest> running_ GUARDED_BY(mutex_);  // by key
  std::map<std::string, UnixMillis> created_ GUARDED_BY(mutex_);
  std::set<std::pair<UnixMillis, std::string>> by_age_ GUARDED_BY(mutex_);
  std::uint64_t first_ GUARDED_BY(mutex_) = 1;  // no entry is below
  std::uint64_t next_ GUARDED_BY(mutex_) = 1;
};

}  // namespace restored::registry
