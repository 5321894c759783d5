// What a collection of a repository's unreferenced objects found and did.
#pragma once

#include <cstdint>

namespace restored {

// A dry run counts as removed what it would have removed.
struct CollectionReport {
  bool dry_run = false;
  std::uint64_t backups = 0;               // whose objects stay, unfinished ones included
  std::uint64_t backups_unreadable = 0;    // of them: while there is one, no object is removed
  std::uint64_t objects = 0;               // found
  std::uint64_t objects_bytes = 0;         //
  std::uint64_t objects_unreferenced = 0;  // of them: no backup names them
  std::uint64_t objects_young = 0;         // of those: kept, they may belong to a backup to come
  std::uint64_t objects_removed = 0;
  std::uint64_t bytes_removed = 0;
  std::uint64_t documents_removed = 0;  // that backups which never came to an end have left
  std::uint64_t uploads_removed = 0;    // stale ones; a dry run does not count them
  std::uint64_t failed = 0;             // could not be removed, and stay until the next collection
  double seconds = 0;
};

}  // namespace restored
