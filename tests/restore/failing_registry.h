// A registry whose writes of operations fail when the test says so.
//
//   RegistryFaults faults;
//   host.seams.wrap_registry = faults.wrap();
//   faults.refuse_ends = true;
// The faults outlive the engine. Threading: all from any thread at once.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "registry/registry.h"

namespace restored::test {

class RegistryFaults {
 public:
  std::atomic<bool> refuse_ends = false;      // put_operation() of what has ended
  std::atomic<bool> refuse_all = false;       // put_operation(), put_database(), remove_database()
  std::atomic<bool> refuse_requests = false;  // claims and entries of the audit
  std::atomic<bool> refuse_answers = false;   // the ends of those entries
  std::atomic<int> refused = 0;

  std::function<std::unique_ptr<registry::Registry>(std::unique_ptr<registry::Registry>)> wrap();
};

}  // namespace restored::test
