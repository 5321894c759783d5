#include "checked_requests.h"

#include <algorithm>
#include <string_view>

#include "restored/limits.h"
#include "target.h"

namespace restored::fuzz {
namespace {

void require_digest(const std::string& text) {
  require(text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos,
          "what a client sent is never on disk as it is, but as a digest");
}

void require_words(std::string_view text) {
  require(text.size() <= 512 && is_utf8(text) &&
              std::ranges::all_of(
                  text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }),
          "the audit's texts are bounded, UTF-8, and have no control characters");
}

void require_entry(const AuditEntry& entry) {
  for (const std::string* text : {&entry.request_id, &entry.principal, &entry.peer, &entry.method,
                                  &entry.path, &entry.database.value, &entry.source_database.value,
                                  &entry.backup.value, &entry.operation.value, &entry.subject}) {
    require_words(*text);
  }
  require(entry.method != "GET" && entry.method != "HEAD", "what changes nothing has no entry");
  require(entry.at > 0, "a request has a time");
}

void require_begun(const AuditEntry& entry) {
  require_entry(entry);
  require(entry.ended_at == 0 && entry.status == 0 && entry.sequence == 0,
          "what is begun has no end yet");
}

}  // namespace

Result<RequestRecords::Claimed> CheckedRequests::claim(const std::string& key,
                                                       const std::string& fingerprint,
                                                       UnixMillis now, AuditEntry begun) {
  require_digest(key);
  require_digest(fingerprint);
  require(now > 0, "a request has a time");
  require_begun(begun);
  return Claimed{RequestClaim(*this, key), 7, std::string(43, 's'), std::nullopt};
}

Result<std::uint64_t> CheckedRequests::begin(AuditEntry entry) {
  require_begun(entry);
  return 7;
}

Result<void> CheckedRequests::record(AuditEntry entry, const RequestClaim* claim,
                                     const std::string& answer) {
  require_entry(entry);
  require(entry.sequence == 0 || entry.sequence == 7, "an end belongs to what was begun");
  require(entry.ended_at >= entry.at || (entry.ended_at == 0 && entry.status == 0),
          "a request ends after it began");
  require(claim == nullptr || claim->held(), "who answers has the claim");
  require((claim == nullptr) == answer.empty(), "an answer belongs to a claim");
  return {};
}

Result<AuditPage> CheckedRequests::audit(const AuditQuery& query) const {
  require(query.limit >= 1 && query.limit <= limits::list_limit_max, "a page is bounded");
  AuditEntry entry;
  entry.sequence = 7;
  entry.at = entry.ended_at = 1'700'000'000'000;
  entry.method = "POST";
  entry.status = 200;
  return AuditPage{{entry}, 7};
}

}  // namespace restored::fuzz
