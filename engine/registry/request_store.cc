#include "registry/request_store.h"

#include <fmt/format.h>

#include <limits>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "restored/limits.h"

namespace restored::registry {
namespace {

constexpr UnixMillis any_time = std::numeric_limits<UnixMillis>::max();
constexpr UnixMillis kept_millis = static_cast<UnixMillis>(limits::idempotency_seconds) * 1000;

std::string store_key(const std::string& key) {
  return fmt::format("{}{}", request_prefix, key);
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
  RESTORED_TRY(audit_.load());
  const MutexLock lock(mutex_);
  for (const auto& [key, created_at] : requests) index(key, created_at);
  return {};
}

// Claims.

Result<RequestRecords::Claimed> RequestStore::claim(const std::string& key,
                                                    const std::string& fingerprint, UnixMillis now,
                                                    AuditEntry begun) {
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
  RESTORED_TRY(Claimed claimed, claim_held(key, fingerprint, now, std::move(begun)));
  if (!claimed.answer) claimed.claim = std::move(held);
  return claimed;
}

Result<RequestRecords::Claimed> RequestStore::claim_held(const std::string& key,
                                                         const std::string& fingerprint,
                                                         UnixMillis now, AuditEntry begun) {
  bool known = false;
  {
    const MutexLock lock(mutex_);
    const auto found = created_.find(key);
    known = found != created_.end() && found->second + kept_millis > now;
  }
  StoredRequest stored{fingerprint, random_secret(), now, {}};
  std::uint64_t sequence = 0;
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
    if (!stored.answer) {
      RESTORED_TRY(sequence, audit_.write(std::move(begun)));
    }
  } else {
    RESTORED_TRY(sequence, begin_request(key, stored, std::move(begun)));
  }
  const MutexLock lock(mutex_);
  running_.insert_or_assign(key, stored);
  return Claimed{{}, sequence, std::move(stored.salt), std::move(stored.answer)};
}

// When there are as many as may be, the oldest goes.
Result<std::uint64_t> RequestStore::begin_request(const std::string& key,
                                                  const StoredRequest& stored, AuditEntry begun) {
  Forgotten oldest;
  AuditLog::Begun write;
  {
    const MutexLock lock(mutex_);
    WriteSet changes;
    if (created_.size() >= limits::idempotency_keys_max) oldest = oldest_before(any_time, 1);
    for (const auto& [candidate, created_at] : oldest) {
      changes.erase(store_key(candidate));
      drop(candidate);
    }
    changes.put(store_key(key), encode(stored));
    write = audit_.begin(std::move(begun), std::move(changes));
    index(key, stored.created_at);
  }
  Result<std::uint64_t> sequence = audit_.finish(write);
  if (sequence) return sequence;
  const MutexLock lock(mutex_);
  drop(key);
  keep_again(oldest);
  return sequence;
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

Result<std::uint64_t> RequestStore::begin(AuditEntry entry) {
  return audit_.write(std::move(entry));
}

Result<void> RequestStore::record(AuditEntry entry, const RequestClaim* claim,
                                  const std::string& answer) {
  if (claim == nullptr) {
    RESTORED_TRY(audit_.write(std::move(entry)));
    return {};
  }
  AuditLog::Begun write;
  {
    const MutexLock lock(mutex_);
    WriteSet changes;
    const auto found = running_.find(claim->key());
    RESTORED_CHECK(claim->held() && found != running_.end(), "who answers has the claim");
    StoredRequest done = found->second;
    done.answer = answer;
    // One that was forgotten meanwhile is not remembered again.
    if (created_.contains(claim->key())) changes.put(store_key(claim->key()), encode(done));
    write = audit_.begin(std::move(entry), std::move(changes));
  }
  RESTORED_TRY(audit_.finish(write));
  return {};
}

Result<void> RequestStore::record_with(AuditEntry entry, WriteSet changes) {
  RESTORED_TRY(audit_.write(std::move(entry), std::move(changes)));
  return {};
}

// Forgetting.

Result<void> RequestStore::forget_old(UnixMillis now) {
  RESTORED_TRY(forget_requests(now - kept_millis));
  return audit_.forget(now - static_cast<UnixMillis>(limits::audit_seconds) * 1000);
}

Result<void> RequestStore::forget_requests(UnixMillis before) {
  Forgotten forgotten;
  std::shared_ptr<catalog::RecordStore::Begun> write;
  {
    // Who claims one of them next begins its write after ours.
    const MutexLock lock(mutex_);
    forgotten = oldest_before(before, created_.size());
    if (forgotten.empty()) return {};
    WriteSet changes;
    for (const auto& [key, created_at] : forgotten) {
      changes.erase(store_key(key));
      drop(key);
    }
    write = store_.begin(std::move(changes));
  }
  Result<void> written = store_.finish(write);
  if (written) return {};
  const MutexLock lock(mutex_);
  keep_again(forgotten);
  return written;
}

// Those that nobody is carrying out.
RequestStore::Forgotten RequestStore::oldest_before(UnixMillis before, std::size_t most) const {
  Forgotten found;
  for (const auto& [created_at, key] : by_age_) {
    if (created_at >= before || found.size() == most) break;
    if (!running_.contains(key)) found.emplace_back(key, created_at);
  }
  return found;
}

// They are on disk still. One that was claimed anew meanwhile has a later time.
void RequestStore::keep_again(const Forgotten& forgotten) {
  for (const auto& [key, created_at] : forgotten) {
    if (!created_.contains(key)) index(key, created_at);
  }
}

}  // namespace restored::registry
