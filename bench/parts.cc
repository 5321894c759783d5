#include "parts.h"

#include <vector>

#include "base/random.h"
#include "io/file_system.h"
#include "store/open_store.h"

namespace restored::bench {

Result<Parts> open_parts(const PartsOptions& options) {
  Parts parts;
  RESTORED_TRY(parts.budget, MemoryBudget::make(options.budget_bytes));
  io::IoQueueOptions queue_options;
  queue_options.io_uring = options.io_uring;
  queue_options.memory = parts.budget.get();
  RESTORED_TRY(parts.queue, io::open_io_queue(queue_options));
  RESTORED_TRY(parts.store, store::open_store(options.repository_url, io::system_files(),
                                              parts.queue.get(), options.store));
  return parts;
}

bool on_s3(const std::string& repository_url) {
  return repository_url.starts_with("s3://");
}

std::string scratch_repository_url(const std::string& parent_url, const std::string& directory) {
  if (parent_url.empty()) return "file://" + directory + "/repository";
  const std::string separator = parent_url.ends_with('/') ? "" : "/";
  return parent_url + separator + "restore-bench-" + random_id(8);
}

Result<void> empty_repository(ObjectStore& store) {
  std::vector<std::string> keys;
  const auto note = [&](const ObjectInfo& object) {
    keys.push_back(object.key);
    return true;
  };
  RESTORED_TRY(store.list("", note, {}));
  for (const std::string& key : keys) RESTORED_TRY(store.remove(key, {}));
  return {};
}

}  // namespace restored::bench
