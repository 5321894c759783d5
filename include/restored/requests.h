// The agent's durable memory of the requests that change something: what was answered to whom sent
// an Idempotency-Key, and the audit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "restored/error.h"
#include "restored/ids.h"
#include "restored/units.h"

namespace restored {

enum class AuditEvent : std::uint8_t { request, operation_end, retention_removal };
std::string_view name(AuditEvent event);  // "operation-end"
std::optional<AuditEvent> audit_event(std::string_view text);

// One request, one operation's end, or one backup that had its time, as the audit tells of it.
// Texts that are empty were not known, or do not apply.
struct AuditEntry {
  std::uint64_t sequence = 0;  // by the order of recording, from 1; given when it is recorded
  AuditEvent event = AuditEvent::request;
  UnixMillis at = 0;           // when the request arrived, the operation was accepted
  UnixMillis ended_at = 0;     // when the answer was made; 0: it has none, or not yet
  UnixMillis recorded_at = 0;  // when it was written last; given then
  std::string request_id;
  std::string principal;  // "token:ci"; empty: no valid credentials
  TokenId token;
  std::string peer;  // "uid=0 pid=123" or "peer=127.0.0.1:4711"
  std::string method;
  std::string path;
  DatabaseId database;
  DatabaseId source_database;
  BackupId backup;
  OperationId operation;
  std::string subject;  // the id of a connection or token, if it was about one
  int status = 0;       // of HTTP; 0: no answer yet, or an operation's end
  std::string outcome;  // of an operation or a removal: "succeeded"
  std::string reason;   // of a removal: "older than 7 days"
  std::string code;     // of an error
  bool replayed = false;
  // It was refused, or answered as before. Such entries stand apart; not read back.
  bool changed_nothing = false;
  std::uint64_t unrecorded = 0;  // refused requests since the last entry that have none
};

struct AuditQuery {
  std::uint64_t before = 0;  // entries with a lower sequence; 0: from the newest on
  std::size_t limit = 0;
  UnixMillis since = 0;        // requests that arrived, operations that ended, then or later
  DatabaseId database = {};    // target or source; empty: any
  std::string principal = {};  // the same text; empty: any
};
struct AuditPage {
  std::vector<AuditEntry> entries;  // newest first
  std::uint64_t next_before = 0;    // 0: there is nothing older
};

class RequestRecords;

// The right to carry out the request of one key, which nobody else has meanwhile.
// Threading: like a value.
class RequestClaim {
 public:
  RequestClaim() = default;
  RequestClaim(RequestRecords& records, std::string key)
      : records_(&records), key_(std::move(key)) {}
  RequestClaim(RequestClaim&& other) noexcept
      : records_(std::exchange(other.records_, nullptr)), key_(std::move(other.key_)) {}
  RequestClaim& operator=(RequestClaim&& other) noexcept {
    if (this == &other) return *this;
    release();
    records_ = std::exchange(other.records_, nullptr);
    key_ = std::move(other.key_);
    return *this;
  }
  ~RequestClaim() { release(); }

  bool held() const { return records_ != nullptr; }
  const std::string& key() const { return key_; }
  void release() noexcept;

 private:
  RequestRecords* records_ = nullptr;
  std::string key_;
};

// Threading: all methods may be called from any thread at once; they block on the disk.
class RequestRecords {
 public:
  virtual ~RequestRecords() = default;

  // An entry without an end, durable before it returns: what is begun after it is on record
  // whatever happens. Gives the entry's sequence.
  virtual Result<std::uint64_t> begin(AuditEntry entry) = 0;

  struct Claimed {
    RequestClaim claim;                 // not held when there is an answer
    std::uint64_t sequence = 0;         // of the entry that was begun; 0: there is an answer
    std::string salt;                   // random, the same each time the request is repeated
    std::optional<std::string> answer;  // as it was recorded
  };
  // Durable before it returns: a repetition, also after a crash, gets the same salt until there is
  // an answer, and then that. `key` names the request, `fingerprint` its content; both are digests.
  // Where there is no answer, the entry is begun with it, in one write.
  // Errors: idempotency_key_in_use, idempotency_key_reused (another content), the disk's.
  virtual Result<Claimed> claim(const std::string& key, const std::string& fingerprint,
                                UnixMillis now, AuditEntry begun) = 0;
  // Gives an entry that was begun its end, or appends one (sequence 0); with a claim, that request
  // has this answer from then on: both or neither, and durable. REQUIRES: the claim is held.
  virtual Result<void> record(AuditEntry entry, const RequestClaim* claim = nullptr,
                              const std::string& answer = {}) = 0;
  // Reads a bounded number of entries: a page may have fewer than there are, and none, and still
  // not be the last.
  virtual Result<AuditPage> audit(const AuditQuery& query) const = 0;
  // Removes what is older, or more, than the limits say.
  virtual Result<void> forget_old(UnixMillis now) = 0;

 protected:
  friend class RequestClaim;
  virtual void release(const std::string& key) noexcept = 0;
};

inline void RequestClaim::release() noexcept {
  if (records_ != nullptr) std::exchange(records_, nullptr)->release(key_);
}

}  // namespace restored
