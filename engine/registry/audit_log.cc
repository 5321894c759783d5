#include "registry/audit_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace restored::registry {
namespace {

struct Raw {
  std::string key;
  std::string text;
};

// Copies of some records, so that what they say is read while the store serves others.
Result<std::vector<Raw>> newest_below(const catalog::RecordStore& store, std::string_view prefix,
                                      const std::string& before) {
  std::vector<Raw> batch;
  RESTORED_TRY(store.scan_back(prefix, before, [&](std::string_view key, std::string_view text) {
    batch.push_back({std::string(key), std::string(text)});
    return batch.size() < limits::audit_read_batch;
  }));
  return batch;
}

Result<std::vector<Raw>> oldest(const catalog::RecordStore& store, std::string_view prefix) {
  std::vector<Raw> batch;
  RESTORED_TRY(store.scan(prefix, [&](std::string_view key, std::string_view text) {
    batch.push_back({std::string(key), std::string(text)});
    return batch.size() < limits::audit_forget_batch;
  }));
  return batch;
}

bool wanted(const AuditEntry& entry, const AuditQuery& query) {
  if (moment_of(entry) < query.since) return false;
  if (!query.principal.empty() && entry.principal != query.principal) return false;
  return query.database.empty() || entry.database == query.database ||
         entry.source_database == query.database;
}

// A clock that was set back further may hide entries of a query with a beginning.
constexpr UnixMillis clock_step_max = 60'000;

}  // namespace

Result<void> AuditLog::load() {
  const MutexLock append(appending_);
  for (Family* family : {&done_, &idle_}) {
    RESTORED_TRY(store_.scan(family->prefix, [&](std::string_view key, std::string_view) {
      ++family->entries;
      next_ = std::max(next_, audit_sequence(family->prefix, key).value_or(0) + 1);
      return true;
    }));
  }
  return {};
}

AuditLog::Begun AuditLog::begin(AuditEntry entry, WriteSet changes) {
  const MutexLock append(appending_);
  Begun begun;
  begun.fresh = entry.sequence == 0;
  begun.idle = entry.changed_nothing;
  if (begun.fresh) entry.sequence = next_++;
  begun.sequence = entry.sequence;
  entry.recorded_at = system_clock().wall();
  if (!begun.fresh && begun.idle) changes.erase(audit_key(done_.prefix, entry.sequence));
  changes.put(audit_key(family_of(begun.idle).prefix, entry.sequence), encode(entry));
  begun.write = store_.begin(std::move(changes));
  count(begun, true);
  return begun;
}

Result<std::uint64_t> AuditLog::finish(const Begun& begun) {
  Result<void> written = store_.finish(begun.write);
  if (written) return begun.sequence;
  const MutexLock append(appending_);
  count(begun, false);
  return std::unexpected(std::move(written).error());
}

void AuditLog::count(const Begun& begun, bool there) {
  const auto change = [](Family& family, bool more) {
    if (more) ++family.entries;
    if (!more && family.entries > 0) --family.entries;
  };
  if (begun.fresh || begun.idle) change(family_of(begun.idle), there);
  if (!begun.fresh && begun.idle) change(done_, !there);
}

// Reading.

Result<AuditLog::Found> AuditLog::find(std::string_view prefix, const AuditQuery& query) const {
  Found found;
  std::size_t seen = 0;
  std::string before = query.before == 0 ? std::string() : audit_key(prefix, query.before);
  while (true) {
    RESTORED_TRY(const std::vector<Raw> batch, newest_below(store_, prefix, before));
    for (const Raw& raw : batch) {
      if (found.entries.size() == query.limit || seen == limits::audit_scan_max) return found;
      ++seen;
      found.reached = audit_sequence(prefix, raw.key).value_or(0);
      Result<AuditEntry> entry = decode_audit(raw.key, raw.text);
      if (!entry) {
        log::warning("registry", "an entry is not shown: {}", entry.error().message);
        continue;
      }
      // It was begun before, and so was everything below it.
      if (entry->recorded_at + clock_step_max < query.since) {
        found.reached = 0;
        return found;
      }
      if (wanted(*entry, query)) found.entries.push_back(std::move(*entry));
    }
    if (batch.size() < limits::audit_read_batch) {
      found.reached = 0;
      return found;
    }
    before = batch.back().key;
  }
}

Result<AuditPage> AuditLog::read(const AuditQuery& query) const {
  AuditQuery of_now = query;
  if (of_now.before == 0) {
    const MutexLock append(appending_);
    of_now.before = next_;
  }
  // In this order: an entry that moves meanwhile is then found twice rather than not at all.
  RESTORED_TRY(Found done, find(audit_prefix, of_now));
  RESTORED_TRY(Found idle, find(audit_idle_prefix, of_now));
  const std::uint64_t reached = std::max(done.reached, idle.reached);
  AuditPage page;
  const auto newer = [](const AuditEntry& left, const AuditEntry& right) {
    return left.sequence > right.sequence;
  };
  std::ranges::merge(
      std::move_iterator(done.entries.begin()), std::move_iterator(done.entries.end()),
      std::move_iterator(idle.entries.begin()), std::move_iterator(idle.entries.end()),
      std::back_inserter(page.entries), newer);
  // The later one of two is what it has become.
  const auto twice = std::ranges::unique(page.entries.rbegin(), page.entries.rend(), {},
                                         [](const AuditEntry& entry) { return entry.sequence; });
  page.entries.erase(page.entries.begin(), twice.begin().base());
  // What lies below was not seen in both.
  std::erase_if(page.entries, [&](const AuditEntry& entry) { return entry.sequence < reached; });
  page.next_before = reached;
  if (page.entries.size() > query.limit) {
    page.entries.resize(query.limit);
    page.next_before = page.entries.back().sequence;
  }
  return page;
}

// Forgetting.

Result<void> AuditLog::forget(UnixMillis before) {
  for (const bool idle : {false, true}) {
    for (bool more = true; more;) {
      RESTORED_TRY(more, forget_some(idle, before));
    }
  }
  return {};
}

// At most some of them at once. True: there may be more.
Result<bool> AuditLog::forget_some(bool idle, UnixMillis before) {
  std::uint64_t count = 0;
  std::shared_ptr<catalog::RecordStore::Begun> write;
  {
    const MutexLock append(appending_);
    Family& family = family_of(idle);
    RESTORED_TRY(const std::vector<Raw> batch, oldest(store_, family.prefix));
    WriteSet changes;
    for (const Raw& raw : batch) {
      const bool spare = family.entries > family.entries_max + count;
      if (!spare) {
        const Result<AuditEntry> entry = decode_audit(raw.key, raw.text);
        if (entry && moment_of(*entry) >= before) break;
      }
      changes.erase(raw.key);
      ++count;
    }
    if (count == 0) return false;
    write = store_.begin(std::move(changes));
    count = std::min(family.entries, count);
    family.entries -= count;
  }
  Result<void> written = store_.finish(write);
  if (written) return count == limits::audit_forget_batch;
  const MutexLock append(appending_);
  family_of(idle).entries += count;
  return std::unexpected(std::move(written).error());
}

}  // namespace restored::registry
