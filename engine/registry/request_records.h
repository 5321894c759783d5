// The records of requests as JSON text: claims with their answers by key, audit entries by
// sequence. Pure functions. Errors of decode_*: corruption, unsupported_format; both name the key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "restored/error.h"
#include "restored/operation.h"
#include "restored/requests.h"

namespace restored::registry {

inline constexpr std::string_view request_prefix = "request/";
// Requests that changed nothing stand apart: however many there are, they push out nothing of what
// was done.
inline constexpr std::string_view audit_prefix = "audit/";
inline constexpr std::string_view audit_idle_prefix = "audit-idle/";

struct StoredRequest {
  std::string fingerprint;
  std::string salt;
  UnixMillis created_at = 0;
  std::optional<std::string> answer;
};

std::string encode(const StoredRequest& stored);
std::string encode(const AuditEntry& entry);
Result<StoredRequest> decode_request(std::string_view key, std::string_view text);
Result<AuditEntry> decode_audit(std::string_view key, std::string_view text);

// Their order as texts is that of the numbers.
std::string audit_key(std::string_view prefix, std::uint64_t sequence);
std::optional<std::uint64_t> audit_sequence(std::string_view prefix, std::string_view key);
// The entry of an operation's end. REQUIRES: it has ended.
AuditEntry audit_entry(const OperationView& ended);
// When the request arrived, or the operation ended.
UnixMillis moment_of(const AuditEntry& entry);

}  // namespace restored::registry
