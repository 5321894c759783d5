#include "registry/request_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "restored/limits.h"

namespace restored::registry {
namespace {

constexpr UnixMillis kept_millis = static_cast<UnixMillis>(limits::idempotency_seconds) * 1000;

std::string store_key(const std::string& key) {
  return fmt::format("{}{}", request_prefix, key);
}

bool wanted(const AuditEntry& entry, const AuditQuery& query) {
  if (entry.at < query.since) return false;
  if (!query.principal.empty() && entry.principal != query.principal) return false;
  return query.database.empty() || entry.database == query.database ||
         entry.source_database == query.database;
}

}  // namespace

Result<void> RequestStore::load() {
  std::vector<std::pair<std::string, UnixMillis>> requests;
  RESTORED_TRY(store_.scan(request_prefix, [&](std::string_view key, std::string_view text) {
    const auto stored = decode_request(key, text);
    if (!stored) log::warning("registry", "an answer is forgotten: {}", stored.error().message);
    // One that cannot be read has no time, and is the first to go.
    requests.emplace_back(key.substr(request_prefix.size()), stored ? stored->created_at : 0);
    return true;
  }));
  std::uint64_t first = 1;
  RESTORED_TRY(store_.scan(audit_prefix, [&](std::string_view key, std::string_view) {
    first = audit_sequence(key).value_or(1);
    return false;
  }));
  std::uint64_t next = first;
  RESTORED_TRY(store_.scan_back(audit_prefix, {}, [&](std::string_view key, std::string_view) {
    next = audit_sequence(key).value_or(0) + 1;
    return false;
  }));
  const MutexLock lock(mutex_);
  for (const auto& [key, created_at] : requests) index(key, created_at);
  first_ = first;
  next_ = next;
  return {};
}

// Claims.

Result<RequestRecords::Claimed> RequestStore::claim(const std::string& key,
                                                    const std::string& fingerprint,
                                                    UnixMillis now) {
  {
    const MutexLock lock(mutex_);
    const auto [at, fresh] = running_.try_emplace(key, StoredRequest{fingerprint, {}, now, {}});
    if (!fresh && at->second.fingerprint != fingerprint) {
      return fail(ErrorCode::idempotency_key_reused,
                  "a request with this Idempotency-Key and another content is being carried out");
    }
    if (!fresh) {
      return fail(ErrorCode::idempotency_key_in_use,
                  "the request with this Idempotency-Key is being carried out");
    }
  }
  RequestClaim held(*this, key);
  RESTORED_TRY(Claimed claimed, claim_held(key, fingerprint, now));
  if (!claimed.answer) claimed.claim = std::move(held);
  return claimed;
}

Result<RequestRecords::Claimed> RequestStore::claim_held(const std::string& key,
                                                         const std::string& fingerprint,
                                                         UnixMillis now) {
  bool known = false;
  {
    const MutexLock lock(mutex_);
    const auto found = created_.find(key);
    known = found != created_.end() && found->second + kept_millis > now;
  }
  StoredRequest stored{fingerprint, random_secret(), now, {}};
  if (known) {
    RESTORED_TRY(const std::optional<std::string> text, store_.get(store_key(key)));
    if (!text) {
      return fail(ErrorCode::idempotency_key_in_use,
                  "the request with this Idempotency-Key has just been forgotten");
    }
    RESTORED_TRY(stored, decode_request(store_key(key), *text));
    if (stored.fingerprint != fingerprint) {
      return fail(ErrorCode::idempotency_key_reused,
                  "this Idempotency-Key belongs to a request with another content");
    }
  } else {
    RESTORED_TRY(begin(key, stored));
  }
  const MutexLock lock(mutex_);
  running_.insert_or_assign(key, stored);
  return Claimed{{}, std::move(stored.salt), std::move(stored.answer)};
}

// When there are as many as may be, the oldest goes.
Result<void> RequestStore::begin(const std::string& key, const StoredRequest& stored) {
  const MutexLock append(appending_);
  WriteSet changes;
  std::string oldest;
  {
    const MutexLock lock(mutex_);
    if (created_.size() >= limits::idempotency_keys_max) {
      for (const auto& [time, candidate] : by_age_) {
        if (running_.contains(candidate)) continue;
        oldest = candidate;
        break;
      }
    }
  }
  if (!oldest.empty()) changes.erase(store_key(oldest));
  changes.put(store_key(key), encode(stored));
  RESTORED_TRY(store_.write(changes));
  const MutexLock lock(mutex_);
  drop(oldest);
  index(key, stored.created_at);
  return {};
}

void RequestStore::index(const std::string& key, UnixMillis created_at) {
  drop(key);
  created_.emplace(key, created_at);
  by_age_.emplace(created_at, key);
}

void RequestStore::drop(const std::string& key) {
  const auto found = created_.find(key);
  if (found == created_.end()) return;
  by_age_.erase({found->second, key});
  created_.erase(found);
}

void RequestStore::release(const std::string& key) noexcept {
  const MutexLock lock(mutex_);
  running_.erase(key);
}

// Answers and the audit.

Result<void> RequestStore::record(AuditEntry entry, const RequestClaim* claim,
                                  const std::string& answer) {
  const MutexLock append(appending_);
  WriteSet changes;
  {
    const MutexLock lock(mutex_);
    entry.sequence = next_;
    if (claim != nullptr) {
      const auto found = running_.find(claim->key());
      RESTORED_CHECK(claim->held() && found != running_.end(), "who answers has the claim");
      StoredRequest done = found->second;
      done.answer = answer;
      // One that was forgotten meanwhile is not remembered again.
      if (created_.contains(claim->key())) changes.put(store_key(claim->key()), encode(done));
    }
  }
  changes.put(audit_key(entry.sequence), encode(entry));
  RESTORED_TRY(store_.write(changes));
  const MutexLock lock(mutex_);
  next_ = entry.sequence + 1;
  return {};
}

Result<AuditPage> RequestStore::audit(const AuditQuery& query) const {
  AuditPage page;
  std::size_t seen = 0;
  std::uint64_t last = 0;
  bool more = false;
  const auto visit = [&](std::string_view key, std::string_view text) {
    const std::uint64_t sequence = audit_sequence(key).value_or(0);
    if (page.entries.size() == query.limit || seen == limits::audit_scan_max) {
      more = true;
      return false;
    }
    ++seen;
    last = sequence;
    Result<AuditEntry> entry = decode_audit(key, text);
    if (!entry) {
      log::warning("registry", "an entry is not shown: {}", entry.error().message);
      return true;
    }
    // Entries are about in the order of arrival: a request may take its time.
    if (entry->ended_at < query.since) return false;
    if (wanted(*entry, query)) page.entries.push_back(std::move(*entry));
    return true;
  };
  const std::string before = query.before == 0 ? std::string() : audit_key(query.before);
  RESTORED_TRY(store_.scan_back(audit_prefix, before, visit));
  if (more) page.next_before = last;
  return page;
}

// Forgetting.

Result<void> RequestStore::forget_old(UnixMillis now) {
  RESTORED_TRY(forget_requests(now - kept_millis));
  const auto kept = static_cast<UnixMillis>(limits::audit_seconds) * 1000;
  for (bool more = true; more;) {
    RESTORED_TRY(more, forget_audit(now - kept));
  }
  return {};
}

Result<void> RequestStore::forget_requests(UnixMillis before) {
  // Who claims one of them meanwhile waits with its write: it comes after ours.
  const MutexLock append(appending_);
  WriteSet changes;
  std::vector<std::string> keys;
  {
    const MutexLock lock(mutex_);
    for (const auto& [created_at, key] : by_age_) {
      if (created_at >= before) break;
      if (running_.contains(key)) continue;
      changes.erase(store_key(key));
      keys.push_back(key);
    }
  }
  if (keys.empty()) return {};
  RESTORED_TRY(store_.write(changes));
  const MutexLock lock(mutex_);
  for (const std::string& key : keys) drop(key);
  return {};
}

// At most some of them at once. True: there may be more.
Result<bool> RequestStore::forget_audit(UnixMillis before) {
  std::uint64_t begin = 0;
  std::uint64_t kept = 0;
  {
    const MutexLock lock(mutex_);
    if (first_ == next_) return false;
    begin = first_;
    kept = next_ - std::min<std::uint64_t>(next_, limits::audit_entries_max);
  }
  WriteSet changes;
  std::size_t count = 0;
  std::uint64_t end = begin;
  const auto visit = [&](std::string_view key, std::string_view text) {
    const std::uint64_t sequence = audit_sequence(key).value_or(0);
    const Result<AuditEntry> entry = decode_audit(key, text);
    const bool old = sequence < kept || (entry && entry->ended_at < before);
    if (!old || count == limits::audit_forget_batch) return false;
    ++count;
    changes.erase(std::string(key));
    end = sequence + 1;
    return true;
  };
  RESTORED_TRY(store_.scan(audit_prefix, visit));
  if (count == 0) return false;
  RESTORED_TRY(store_.write(changes));
  const MutexLock lock(mutex_);
  first_ = end;
  return count == limits::audit_forget_batch;
}

}  // namespace restored::registry
