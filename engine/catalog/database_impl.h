// The database: which generation is live, and the steps that change it. What the steps are made of
// stands in files of their own (instance, write_gate, export, ingest, verify); the swap in swap.cc.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "catalog/catalog_record.h"
#include "catalog/database.h"
#include "catalog/instance.h"
#include "catalog/key_count.h"
#include "catalog/turns.h"
#include "catalog/write_gate.h"

namespace restored::catalog {

class StagedColumnFamily final : public StagedGeneration {
 public:
  explicit StagedColumnFamily(std::shared_ptr<StoredGeneration> stored)
      : stored_(std::move(stored)) {}
  GenerationNumber number() const override { return stored_->number(); }
  const std::shared_ptr<StoredGeneration>& stored() const { return stored_; }

 private:
  std::shared_ptr<StoredGeneration> stored_;  // dropped when it ends, unless a swap keeps it
};

class DatabaseImpl final : public Database {
 public:
  struct Parts {
    std::unique_ptr<Instance> instance;
    CatalogRecord record;
    std::shared_ptr<StoredGeneration> live;
    std::shared_ptr<StoredGeneration> previous;  // may be null
  };
  DatabaseImpl(const OpenOptions& options, const Clock& clock, Parts parts);
  ~DatabaseImpl() override;

  // Keyspace
  std::shared_ptr<const Generation> pin() const override { return gate_.live(); }
  WritePermit try_begin_write() override { return gate_.try_enter(); }
  void when_writable(std::function<void()> resume) override { gate_.when_open(std::move(resume)); }
  Result<void> write(const WritePermit& permit, const WriteSet& changes,
                     Durability durability) override;
  Result<void> replace_all(const WriteSet& records,
                           const std::function<bool()>& still_wanted) override;
  Result<std::uint64_t> count_keys(std::stop_token stop) override;

  // Database
  Result<void> close() override;
  CatalogState state() const override;
  std::uint64_t live_bytes() const override;
  Result<ExportedGeneration> export_live(const std::string& directory) override;
  Result<void> note_backup(const BackupId& backup) override;
  Result<std::vector<LocalFile>> local_files() const override;
  Result<std::unique_ptr<StagedGeneration>> ingest(const std::string& directory,
                                                   const std::string& comparator,
                                                   std::span<const FileFacts> files) override;
  Result<void> verify(const StagedGeneration& staged, const Expectation& expected,
                      std::stop_token stop) override;
  Result<SwapReport> swap(std::unique_ptr<StagedGeneration> staged, const Provenance& provenance,
                          const std::function<Result<void>()>& point_of_no_return) override;
  Result<SwapReport> undo(const OperationId& operation,
                          std::optional<GenerationNumber> back) override;
  Result<void> retire_expired(UnixMillis now) override;
  Result<void> retire_previous() override;

 private:
  // What a swap is made of, decided before the gate closes.
  struct Change {
    CatalogRecord next;
    std::shared_ptr<StoredGeneration> candidate;  // becomes live
    bool keep_old = false;                        // what was live becomes the previous generation
    std::function<Result<void>()> last_word;      // with the gate closed; may be null
    std::string_view before_record;               // kill points
    std::string_view after_record;
  };

  // With the turn, unless an earlier catalog write is still in doubt. Errors: of settling it;
  // shutting_down after close().
  Result<Turns::Turn> take_turn();
  CatalogRecord record() const;
  std::shared_ptr<StoredGeneration> live() const;      // null after close()
  std::shared_ptr<StoredGeneration> previous() const;  // null when there is none

  // All of these REQUIRE the turn.
  Result<SwapReport> make_live(Change change);
  void publish(WriteGate::Closed& gate, const Change& change);
  void after_swap(const Change& change);
  Result<void> commit(const CatalogRecord& next, std::shared_ptr<StoredGeneration> candidate);
  Result<void> settle();
  Result<GenerationNumber> reserve_number();
  Result<void> retire_with_turn();
  CatalogRecord record_after_swap(const StoredGeneration& candidate,
                                  const Provenance& provenance) const;
  // True when nothing is live and nothing was: then a flush has nothing to do. Closes the gate for
  // a moment.
  Result<bool> flush_is_needless(const std::function<bool()>& still_wanted);

  const OpenOptions options_;
  const Clock& clock_;
  std::unique_ptr<Instance> instance_;
  WriteGate gate_;
  Turns turns_;
  KeyCount key_count_;
  GenerationNumber next_number_;  // by the turn; below record_.numbers_end it is reserved

  // Set while a failed catalog write may still come back at the next opening: until a later one
  // has succeeded, nothing is written to any generation (SWAP.md).
  std::atomic<bool> in_doubt_ = false;
  std::vector<std::shared_ptr<StoredGeneration>> doubtful_;  // by the turn; candidates of then

  mutable Mutex mutex_;
  CatalogRecord record_ GUARDED_BY(mutex_);
  std::shared_ptr<StoredGeneration> live_ GUARDED_BY(mutex_);
  std::shared_ptr<StoredGeneration> previous_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace restored::catalog
