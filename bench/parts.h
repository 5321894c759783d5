// The parts that a restore is made of, and the repository that it reads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/memory_budget.h"
#include "io/io_queue.h"
#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/store_options.h"

namespace restored::bench {

struct PartsOptions {
  std::string repository_url;
  StoreOptions store;
  std::uint64_t budget_bytes = 0;
  bool io_uring = true;
};

struct Parts {
  std::unique_ptr<MemoryBudget> budget;
  std::unique_ptr<io::IoQueue> queue;
  std::unique_ptr<ObjectStore> store;
};
Result<Parts> open_parts(const PartsOptions& options);

bool on_s3(const std::string& repository_url);

// A repository of a bench's own: below `parent_url`, or in `directory` when that is empty.
std::string scratch_repository_url(const std::string& parent_url, const std::string& directory);

// Removes all objects. REQUIRES: a repository of scratch_repository_url().
Result<void> empty_repository(ObjectStore& store);

}  // namespace restored::bench
