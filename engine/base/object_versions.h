// Which version (a store's ETag) of each object a run has read, so that two reads of one object
// that was replaced in between cannot be taken for one.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"

namespace restored {

class ObjectVersions {
 public:
  // Empty: not read yet.
  std::string expected(std::string_view key) const;
  // False: another version was noted before.
  bool note(std::string_view key, std::string_view version);
  // The object is not read again.
  void forget(std::string_view key);

 private:
  mutable Mutex mutex_;
  std::unordered_map<std::string, std::string> versions_ GUARDED_BY(mutex_);
};

}  // namespace restored
