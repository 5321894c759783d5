// An object store that counts what is asked of it, and lets a test answer first.
//
//   StoreWatch watch;
//   host.seams.wrap_store = watch.wrap();
//   watch.before = [](std::string_view call, std::string_view key) -> Result<void> { … };
// The watch outlives the engine. Threading: the counters from any thread; `before` and
// `before_url` are set while nothing runs, and called on the callers' threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "restored/object_store.h"

namespace restored::test {

class StoreWatch {
 public:
  // An error is the call's answer; calls are stat, read, get, put, upload, remove, list.
  std::function<Result<void>(std::string_view call, std::string_view key)> before;

  // May throw, as memory that runs out does.
  std::function<void()> before_url;

  std::function<std::unique_ptr<ObjectStore>(std::unique_ptr<ObjectStore>)> wrap();

  void clear();
  int count(const std::string& call) const;
  std::set<std::string> keys(const std::string& call) const;  // distinct ones

  Result<void> note(std::string_view call, std::string_view key);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> counts_;
  std::map<std::string, std::set<std::string>> keys_;
};

}  // namespace restored::test
