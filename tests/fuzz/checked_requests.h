// The records of requests of an engine that only looks: a claim is always given, an audit is empty.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <string>

#include "restored/requests.h"

namespace restored::fuzz {

class CheckedRequests final : public RequestRecords {
 public:
  Result<Claimed> claim(const std::string& key, const std::string& fingerprint, UnixMillis now,
                        AuditEntry begun) override;
  Result<std::uint64_t> begin(AuditEntry entry) override;
  Result<void> record(AuditEntry entry, const RequestClaim* claim,
                      const std::string& answer) override;
  Result<AuditPage> audit(const AuditQuery& query) const override;
  Result<void> forget_old(UnixMillis) override { return {}; }

 private:
  void release(const std::string&) noexcept override {}
};

}  // namespace restored::fuzz
