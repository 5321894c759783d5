// RequestRecords over the registry's store. Of the claims it holds the keys in memory.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "catalog/record_store.h"
#include "registry/audit_log.h"
#include "registry/request_records.h"
#include "restored/requests.h"

namespace restored::registry {

class RequestStore final : public RequestRecords {
 public:
  // The store outlives it.
  explicit RequestStore(catalog::RecordStore& store) : store_(store), audit_(store) {}
  // REQUIRES: before anything else is called.
  Result<void> load();

  Result<std::uint64_t> begin(AuditEntry entry) override;
  Result<Claimed> claim(const std::string& key, const std::string& fingerprint, UnixMillis now,
                        AuditEntry begun) override;
  Result<void> record(AuditEntry entry, const RequestClaim* claim,
                      const std::string& answer) override;
  // An entry, and whatever it tells of, in one write.
  Result<void> record_with(AuditEntry entry, WriteSet changes);
  Result<AuditPage> audit(const AuditQuery& query) const override { return audit_.read(query); }
  Result<void> forget_old(UnixMillis now) override;

 private:
  using Forgotten = std::vector<std::pair<std::string, UnixMillis>>;  // key, created at

  void release(const std::string& key) noexcept override;
  Result<Claimed> claim_held(const std::string& key, const std::string& fingerprint, UnixMillis now,
                             AuditEntry begun);
  Result<std::uint64_t> begin_request(const std::string& key, const StoredRequest& stored,
                                      AuditEntry begun);
  void index(const std::string& key, UnixMillis created_at) REQUIRES_LOCK(mutex_);
  void drop(const std::string& key) REQUIRES_LOCK(mutex_);
  Result<void> forget_requests(UnixMillis before);
  Forgotten oldest_before(UnixMillis before, std::size_t most) const REQUIRES_LOCK(mutex_);
  void keep_again(const Forgotten& forgotten) REQUIRES_LOCK(mutex_);

  catalog::RecordStore& store_;
  AuditLog audit_;
  // Held while a write begins, never while it waits for the device.
  mutable Mutex mutex_;
  std::map<std::string, StoredRequest> running_ GUARDED_BY(mutex_);  // by key
  std::map<std::string, UnixMillis> created_ GUARDED_BY(mutex_);
  std::set<std::pair<UnixMillis, std::string>> by_age_ GUARDED_BY(mutex_);
};

}  // namespace restored::registry
