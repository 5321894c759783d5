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

}  // namespace

Result<RequestRecords::Claimed> CheckedRequests::claim(const std::string& key,
                                                       const std::string& fingerprint,
                                                       UnixMillis now) {
  require_digest(key);
  require_digest(fingerprint);
  require(now > 0, "a request has a time");
  return Claimed{RequestClaim(*this, key), std::string(43, 's'), std::nullopt};
}

Result<void> CheckedRequests::record(AuditEntry entry, const RequestClaim* claim,
                                     const std::string& answer) {
  for (const std::string* text :
       {&entry.request_id, &entry.principal, &entry.peer, &entry.method, &entry.path,
        &entry.database.value, &entry.source_database.value, &entry.backup.value, &entry.subject}) {
    require_words(*text);
  }
  require(entry.method != "GET" && entry.method != "HEAD", "what changes nothing has no entry");
  require(entry.at > 0 && entry.ended_at >= entry.at, "a request ends after it began");
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
