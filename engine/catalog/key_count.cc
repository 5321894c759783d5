#include "catalog/key_count.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "catalog/options.h"
#include "catalog/snapshot.h"
#include "catalog/status.h"
#include "restored/record.h"

namespace restored::catalog {
bool KeyCount::holds(const Memo& memo, rocksdb::DB& db, const StoredGeneration& generation) const {
  const UnixMillis now = clock_.wall();
  return memo.generation == generation.number() && memo.sequence == db.GetLatestSequenceNumber() &&
         // The wall clock may also have been set back: keys that had expired then live again.
         now >= memo.counted_at && (!memo.first_expiry || now < *memo.first_expiry);
}

Result<std::uint64_t> KeyCount::count(rocksdb::DB& db, const StoredGeneration& generation,
                                      const std::stop_token& stop) {
  {
    MutexLock lock(mutex_);
    if (memo_ && holds(*memo_, db, generation)) return memo_->keys;
  }
  const Snapshot snapshot(db);
  Memo memo{.generation = generation.number(),
            .sequence = snapshot.get()->GetSequenceNumber(),
            .counted_at = clock_.wall(),
            .first_expiry = std::nullopt,
            .keys = 0};
  const std::string begin(1, record::metadata_prefix);
  const std::string end(1, static_cast<char>(record::metadata_prefix + 1));
  const rocksdb::Slice upper_bound(end);
  rocksdb::ReadOptions options = scan_options();
  options.snapshot = snapshot.get();
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> record(db.NewIterator(options, generation.handle()));
  for (record->Seek(begin); record->Valid(); record->Next()) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "counting keys was stopped");
    const auto value = std::string_view(record->value().data(), record->value().size());
    RESTORED_TRY(const record::Metadata metadata, record::decode(value));
    if (record::expired(metadata, memo.counted_at)) continue;
    ++memo.keys;
    if (!metadata.expires_at) continue;
    memo.first_expiry =
        std::min(memo.first_expiry.value_or(*metadata.expires_at), *metadata.expires_at);
  }
  RESTORED_TRY(checked(record->status(), "counting keys"));
  MutexLock lock(mutex_);
  memo_ = memo;
  return memo.keys;
}

}  // namespace restored::catalog
