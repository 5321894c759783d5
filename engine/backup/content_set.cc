#include "backup/content_set.h"

#include <algorithm>

#include "format/contents.h"

namespace restored::backup {
namespace {

constexpr std::size_t unsorted_max = 64 * 1024;

}  // namespace

void ContentSet::insert(const std::vector<format::ContentId>& contents) {
  const MutexLock lock(mutex_);
  contents_.insert(contents_.end(), contents.begin(), contents.end());
  // Backups share most of their contents: a thousand of them must not take a thousand times the
  // memory of one.
  if (contents_.size() > 2 * distinct_ + unsorted_max) sort_locked();
}

void ContentSet::sort() {
  const MutexLock lock(mutex_);
  sort_locked();
}

void ContentSet::sort_locked() {
  format::sort_contents(contents_);
  distinct_ = contents_.size();
}

bool ContentSet::contains(const format::ContentId& content) const {
  const MutexLock lock(mutex_);
  return std::ranges::binary_search(contents_, content);
}

}  // namespace restored::backup
