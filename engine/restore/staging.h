// The files of one restore on this host before they are ingested, and the journal that says which
// of them can be trusted to be there after a crash.
//   <directory>/journal
//   <directory>/files/<name of the manifest>
//   <directory>/import/<the same>    links, while they are imported
//
// Rules: a file is written to only if this restore made it (a link to a live file is never opened
// for writing), and only before it was whole (a whole one may have been ingested, by link). What
// fails its hash is unlinked and fetched, and the journal is written anew without it before
// anything else may get its name.
// Threading: one thread at a time; fetch_rest's callback comes from the pipeline, serialised.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/repository.h"
#include "io/file_system.h"
#include "pipeline/fetch.h"
#include "restore/journal.h"
#include "restore/steps.h"
#include "restored/error.h"

namespace restored::restore {

struct StagedFile {
  std::uint64_t bytes = 0;  // on the disk; 0: there is no such file
  std::uint64_t inode = 0;
};

class Staging {
 public:
  // REQUIRES: backup outlives it.
  Staging(io::FileSystem& files, std::string directory, const OperationId& operation,
          const backup::LoadedBackup& backup);

  // Takes up what an earlier attempt of the same operation left, if its journal is usable, or
  // begins anew. Errors: no_space, io_error, permission_denied.
  Result<void> begin(const StepHook& step);
  // What an earlier attempt left of each file, in the manifest's order; before begin(). How many
  // names a file has says nothing: it takes no space again, whosever the others are.
  std::vector<StagedFile> present() const;

  // Hashes what the journal names; what differs is forgotten, and its file removed.
  Result<void> check_journalled(const pipeline::FetchEnvironment& environment,
                                std::stop_token stop);
  // Links and hashes these files of this host, in the manifest's order; what differs is fetched.
  Result<void> link_local(std::span<const std::optional<std::string>> paths,
                          const pipeline::FetchEnvironment& environment, std::stop_token stop);
  // Fetches everything else. `written` is told of durable content bytes.
  Result<void> fetch_rest(const pipeline::FetchEnvironment& environment, const StepHook& step,
                          const std::function<void(std::uint64_t)>& written, std::stop_token stop);
  // Every name and byte is on the device when it returns. REQUIRES: fetch_rest() succeeded.
  Result<void> finish();
  // A directory with another name of every file, for who imports them: RocksDB removes what it was
  // given, and an attempt that ends after that would have everything to fetch again.
  Result<std::string> link_for_import();

 private:
  struct FileState {
    std::vector<pipeline::FrameSpan> spans;  // sorted, disjoint; durable as far as known
    bool whole = false;
    bool linked = false;  // of a whole one, for people
  };
  std::string files_directory() const { return directory_ + "/files"; }
  std::string import_directory() const { return directory_ + "/import"; }
  std::string path(std::size_t index) const;
  std::span<const format::Frame> frames(std::size_t index) const;
  Result<bool> resume();
  Result<void> begin_anew(const StepHook& step);
  void take(const JournalEntry& entry);
  Result<void> forget(std::size_t index);
  Result<void> rewrite_journal();
  Result<void> remove_unnamed_files();
  Result<void> forget_linked_fragments();
  void count_present(std::size_t index, pipeline::Progress& progress) const;

  io::FileSystem& files_;
  const std::string directory_;
  const JournalBinding binding_;
  const backup::LoadedBackup& backup_;
  std::optional<Journal> journal_;
  std::uint64_t unsynced_bytes_ = 0;  // journalled, not yet known to survive a power loss
  std::vector<FileState> states_;     // in the manifest's order
};

}  // namespace restored::restore
