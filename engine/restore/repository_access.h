// The way to the repository. An agent serves its databases whether or not the repository can be
// reached: it is opened by the first call that reaches it.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backup/repository.h"
#include "base/mutex.h"
#include "io/file_system.h"
#include "restored/error.h"
#include "restored/object_store.h"

namespace restored::restore {

class RepositoryAccess {
 public:
  // What get() and current() return stays valid for as long as this does.
  // `known_path` is the file that remembers which repository the state directory was used with.
  // All references outlive it.
  RepositoryAccess(ObjectStore& store, const backup::KeyRing& keys, io::FileSystem& files,
                   std::string known_path)
      : store_(store), keys_(keys), files_(files), known_path_(std::move(known_path)) {}

  // Opens it, or begins one in an empty place where none was before, unless that was done already.
  // Errors: Repository::open's; store_misconfigured when a place is empty now where a repository
  // was, or another one is there, corruption when only its repository.json is gone; the file
  // system's.
  Result<backup::Repository*> get(const StoreCall& call) const;
  // The same for who is about to write: as it is in the store now. Another host may have begun to
  // encrypt it, or to seal with another data key, since it was opened here. With an error get()
  // still gives what was opened, unless another repository is there now. Errors: get()'s.
  Result<backup::Repository*> current(const StoreCall& call) const;

  // Why the last get() or current() failed to open it; nothing once it is as it was opened.
  std::optional<Error> error() const;
  bool is_open() const;

 private:
  Result<std::unique_ptr<backup::Repository>> open(const StoreCall& call) const;

  ObjectStore& store_;
  const backup::KeyRing& keys_;
  io::FileSystem& files_;
  const std::string known_path_;
  mutable Mutex mutex_;
  mutable std::unique_ptr<backup::Repository> repository_ GUARDED_BY(mutex_);
  // What it was before it changed in the store: somebody may still read with it.
  mutable std::vector<std::unique_ptr<backup::Repository>> outdated_ GUARDED_BY(mutex_);
  mutable std::optional<Error> error_ GUARDED_BY(mutex_);
};

}  // namespace restored::restore
