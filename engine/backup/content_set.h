// Which contents the backups of a repository need: 16 bytes for each, in one sorted array.
#pragma once

#include <cstddef>
#include <vector>

#include "base/mutex.h"
#include "format/frame.h"

namespace restored::backup {

// Threading: insert() from any thread at once; after sort(), contains() from any thread at once.
class ContentSet {
 public:
  void insert(const std::vector<format::ContentId>& contents);
  void sort();
  // REQUIRES: sort() after the last insert().
  bool contains(const format::ContentId& content) const;

 private:
  void sort_locked() REQUIRES_LOCK(mutex_);

  mutable Mutex mutex_;
  std::vector<format::ContentId> contents_ GUARDED_BY(mutex_);
  std::size_t distinct_ GUARDED_BY(mutex_) = 0;  // after the last sort
};

}  // namespace restored::backup
