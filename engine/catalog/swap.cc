// What changes the catalog: swap, undo, replace_all, retirement, notes. SWAP.md has the states and
// what every crash point leaves.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/kill_point.h"
#include "base/log.h"
#include "catalog/database_impl.h"
#include "catalog/status.h"

namespace restored::catalog {
namespace {

// Generation numbers are reserved in groups, one catalog write each.
constexpr GenerationNumber numbers_reserved = 64;

// A flush asks whether there is anything to flush; that must not walk over many tombstones.
constexpr std::uint64_t emptiness_skips_max = 1000;

void push_base_backup(CatalogState& state, const BackupId& backup) {
  if (backup.empty()) return;
  std::erase(state.base_backups, backup);
  state.base_backups.insert(state.base_backups.begin(), backup);
  if (state.base_backups.size() > base_backups_max) state.base_backups.resize(base_backups_max);
}

// Numbers are never used again, so that another previous generation means another live one.
Error overtaken(const CatalogState& now, GenerationNumber back) {
  return {ErrorCode::nothing_to_undo,
          fmt::format("generation {} was to become live again and is gone: since that was asked, "
                      "a {} has made generation {} live",
                      back, now.live_provenance.kind, now.live),
          "Look at what the database holds now. Another undo would take back what happened since."};
}

bool surely_empty(rocksdb::DB& db, const StoredGeneration& generation) {
  rocksdb::ReadOptions options = cursor_options();
  options.max_skippable_internal_keys = emptiness_skips_max;
  const std::unique_ptr<rocksdb::Iterator> record(db.NewIterator(options, generation.handle()));
  record->SeekToFirst();
  return !record->Valid() && record->status().ok();  // Incomplete: it gave up
}

}  // namespace

Result<Turns::Turn> DatabaseImpl::take_turn() {
  Turns::Turn turn = turns_.take();
  {
    MutexLock lock(mutex_);
    if (closed_) return fail(ErrorCode::shutting_down, "the database is closed");
  }
  if (in_doubt_.load()) RESTORED_TRY(settle());
  return turn;
}

// The one place that changes what is live. The catalog write comes last; before it everything is
// as it was, after it everything else is clean-up.
Result<void> DatabaseImpl::commit(const CatalogRecord& next,
                                  std::shared_ptr<StoredGeneration> candidate) {
  RESTORED_CHECK(!broken_rule(next), "only a sound catalog record is written");
  const Result<void> written = instance_->write_catalog(encode(next));
  if (written) {
    MutexLock lock(mutex_);
    record_ = next;
    return {};
  }
  // The write failed, but its bytes may lie in the log and count at the next opening. That matters
  // when they name another live generation: until a later write has superseded them, both
  // generations stay and nobody writes to either.
  if (!candidate) return written;
  in_doubt_.store(true);
  candidate->keep();
  doubtful_.push_back(std::move(candidate));
  instance_->upkeep().submit([this] {
    const std::optional<Turns::Turn> turn = turns_.try_take();
    return turn.has_value() && (!in_doubt_.load() || settle().has_value());
  });
  return written;
}

// Makes "that catalog write did not happen" true for every later opening as well.
Result<void> DatabaseImpl::settle() {
  RESTORED_TRY(instance_->rewrite_catalog(encode(record())));
  const CatalogState named = state();
  for (const auto& generation : doubtful_) {
    // What an undo would have made live is still the previous generation.
    if (named.previous != generation->number()) generation->let_go();
  }
  doubtful_.clear();
  in_doubt_.store(false);
  log::info("catalog", "{}: the catalog is settled, generation {} stays live", options_.directory,
            record().state.live);
  return {};
}

Result<SwapReport> DatabaseImpl::make_live(Change change) {
  // Outside of the gate: the sync inside it then finds little to do.
  RESTORED_TRY(checked(instance_->sync_log(), "syncing the write-ahead log before a swap"));
  const auto begin = clock_.monotonic();
  {
    WriteGate::Closed gate = gate_.close();
    gate.drain();
    kill_point("catalog.swap.gate-closed");
    if (change.last_word) RESTORED_TRY(change.last_word());
    kill_point(change.before_record);
    RESTORED_TRY(commit(change.next, change.candidate));
    kill_point(change.after_record);
    publish(gate, change);
    kill_point("catalog.swap.after-publish");
  }
  const std::chrono::duration<double> closed_for = clock_.monotonic() - begin;
  after_swap(change);
  return SwapReport{.live = change.candidate->number(), .gate_closed_seconds = closed_for.count()};
}

void DatabaseImpl::publish(WriteGate::Closed& gate, const Change& change) {
  change.candidate->keep();
  std::shared_ptr<StoredGeneration> retired;  // ends after the lock
  {
    MutexLock lock(mutex_);
    std::shared_ptr<StoredGeneration> old = std::exchange(live_, change.candidate);
    retired = std::exchange(previous_, change.keep_old ? old : nullptr);
    if (!change.keep_old) old->let_go();
    undo_time_.reset();
    if (change.keep_old) undo_time_ = UndoTime::of_swap(clock_, options_.undo_seconds);
  }
  // An undo made the previous generation live.
  if (retired && retired != change.candidate) retired->let_go();
  gate.publish(change.candidate);
}

void DatabaseImpl::after_swap(const Change& change) {
  if (const auto old = previous(); old && change.keep_old) {
    instance_->set_auto_compaction(old, false);
    // Its memtable would hold back the deletion of old log files for as long as it can be undone.
    const std::weak_ptr<StoredGeneration> target = old;
    instance_->upkeep().submit([this, target] {
      const auto held = target.lock();
      if (!held) return true;
      rocksdb::FlushOptions options;
      options.wait = false;
      options.allow_write_stall = true;
      instance_->db().Flush(options, held->handle());
      return true;
    });
  }
  instance_->set_auto_compaction(change.candidate, true);
}

CatalogRecord DatabaseImpl::record_after_swap(const StoredGeneration& candidate,
                                              const Provenance& provenance) const {
  CatalogRecord next = record();
  CatalogState& state = next.state;
  RESTORED_CHECK(candidate.number() != state.live, "a swap changes what is live");
  RESTORED_CHECK(candidate.number() < next.numbers_end, "generation numbers are reserved");
  if (options_.undo_seconds > 0) {
    state.previous = state.live;
    state.previous_provenance = state.live_provenance;
    state.previous_until = clock_.wall() + static_cast<UnixMillis>(options_.undo_seconds) * 1000;
    state.previous_seconds = options_.undo_seconds;
  } else {
    forget_previous(state);
  }
  state.live = candidate.number();
  state.live_provenance = provenance;
  if (!provenance.operation.empty()) state.last_swap = provenance.operation;
  push_base_backup(state, provenance.backup);
  return next;
}

Result<SwapReport> DatabaseImpl::swap(std::unique_ptr<StagedGeneration> staged,
                                      const Provenance& provenance,
                                      const std::function<Result<void>()>& point_of_no_return) {
  RESTORED_CHECK(staged != nullptr, "a swap needs a staged generation");
  RESTORED_TRY(const Turns::Turn turn, take_turn());
  Change change;
  change.candidate = static_cast<StagedColumnFamily&>(*staged).stored();
  change.next = record_after_swap(*change.candidate, provenance);
  change.keep_old = options_.undo_seconds > 0;
  change.last_word = point_of_no_return;
  change.before_record = "catalog.swap.before-record";
  change.after_record = "catalog.swap.after-record";
  return make_live(std::move(change));
}

Result<SwapReport> DatabaseImpl::undo(const OperationId& operation,
                                      std::optional<GenerationNumber> back) {
  RESTORED_TRY(const Turns::Turn turn, take_turn());
  const std::shared_ptr<StoredGeneration> candidate = previous();
  if (!candidate) return fail(ErrorCode::nothing_to_undo, "there is no previous generation");
  if (back && candidate->number() != *back) return std::unexpected(overtaken(state(), *back));
  Change change;
  change.candidate = candidate;
  Provenance provenance = record().state.previous_provenance;
  provenance.operation = operation;
  change.next = record_after_swap(*candidate, provenance);
  change.keep_old = options_.undo_seconds > 0;
  change.before_record = "catalog.undo.before-record";
  change.after_record = "catalog.undo.after-record";
  return make_live(std::move(change));
}

Result<bool> DatabaseImpl::flush_is_needless(const std::function<bool()>& still_wanted) {
  const std::shared_ptr<StoredGeneration> current = live();
  if (!surely_empty(instance_->db(), *current)) return false;
  WriteGate::Closed gate = gate_.close();
  gate.drain();
  if (!surely_empty(instance_->db(), *current)) return false;
  if (still_wanted && !still_wanted()) return fail(ErrorCode::cancelled, "the caller took it back");
  return true;
}

Result<void> DatabaseImpl::replace_all(const WriteSet& records,
                                       const std::function<bool()>& still_wanted) {
  RESTORED_TRY(const Turns::Turn turn, take_turn());
  // Flushing nothing twice must not push out what the first flush can take back.
  if (records.empty()) {
    RESTORED_TRY(const bool needless, flush_is_needless(still_wanted));
    if (needless) return {};
  }
  RESTORED_TRY(const GenerationNumber number, reserve_number());
  Change change;
  RESTORED_TRY(change.candidate, instance_->create_generation(number));
  if (!records.empty()) {
    rocksdb::WriteBatch batch;
    for (const WriteSet::Entry& entry : records.entries()) {
      if (entry.value) {
        batch.Put(change.candidate->handle(), entry.key, *entry.value);
      } else {
        batch.Delete(change.candidate->handle(), entry.key);
      }
    }
    // Unsynced: the catalog's write follows it in the log, and syncs both.
    RESTORED_TRY(instance_->write(batch, Durability::process));
  }
  change.next = record_after_swap(
      *change.candidate,
      Provenance{.kind = "flush", .source_database = {}, .backup = {}, .operation = {}});
  change.keep_old = options_.undo_seconds > 0;
  change.last_word = [&still_wanted]() -> Result<void> {
    if (still_wanted && !still_wanted())
      return fail(ErrorCode::cancelled, "the caller took it back");
    return {};
  };
  change.before_record = "catalog.replace.before-record";
  change.after_record = "catalog.replace.after-record";
  RESTORED_TRY(make_live(std::move(change)));
  return {};
}

Result<GenerationNumber> DatabaseImpl::reserve_number() {
  CatalogRecord next = record();
  if (next_number_ == next.numbers_end) {
    next.numbers_end += numbers_reserved;
    RESTORED_TRY(commit(next, nullptr));
  }
  RESTORED_CHECK(next_number_ < next.numbers_end, "a number is reserved before it is used");
  return next_number_++;
}

Result<void> DatabaseImpl::note_backup(const BackupId& backup) {
  RESTORED_TRY(const Turns::Turn turn, take_turn());
  CatalogRecord next = record();
  push_base_backup(next.state, backup);
  return commit(next, nullptr);
}

bool DatabaseImpl::undo_is_over() const {
  MutexLock lock(mutex_);
  return record_.state.previous && undo_time_ && undo_time_->over(clock_);
}

Result<void> DatabaseImpl::retire_expired() {
  if (!undo_is_over()) return {};
  RESTORED_TRY(const Turns::Turn turn, take_turn());
  // A swap may have come between: its previous generation has all its time before it.
  return undo_is_over() ? retire_with_turn() : Result<void>();
}

Result<void> DatabaseImpl::retire_previous() {
  RESTORED_TRY(const Turns::Turn turn, take_turn());
  return retire_with_turn();
}

Result<void> DatabaseImpl::retire_with_turn() {
  CatalogRecord next = record();
  if (!next.state.previous) return {};
  forget_previous(next.state);
  kill_point("catalog.retire.before-record");
  RESTORED_TRY(commit(next, nullptr));
  kill_point("catalog.retire.after-record");
  std::shared_ptr<StoredGeneration> retired;  // ends after the lock
  MutexLock lock(mutex_);
  retired = std::move(previous_);
  previous_ = nullptr;
  retired->let_go();
  return {};
}

}  // namespace restored::catalog
