// Runs against the server that fails on purpose: where seeds come from, what each of them breaks,
// and what a run may end with.
//
//   RESTORED_TEST_LONG=1       thousands of seeds instead of hundreds
//   RESTORED_S3_SEED=17        only this one: what a failure prints
//   RESTORED_S3_SEEDS=500      that many
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/store_options.h"
#include "s3_server/fault_server.h"

namespace restored::test {

struct SeedRange {
  std::uint64_t begin = 1;
  std::uint64_t end = 1;
};
SeedRange seeds(std::uint64_t usual, std::uint64_t many);

// 15 % errors of all kinds, 20 % throttled, 10 % delayed, 0.5 % damaged, rarely what is wrong for
// good. Every eighth seed three times of that.
s3_server::FaultMix usual_mix(std::uint64_t seed);
// What no client can do anything about.
bool ends_for_good(s3_server::Fault fault);

inline constexpr const char* bucket = "backups";
inline constexpr const char* prefix = "some/prefix";
// With backoffs of milliseconds, so that thousands of runs take minutes.
std::unique_ptr<ObjectStore> open_quick(const s3_server::FaultServer& server,
                                        const std::string& key_prefix = prefix);
StoreOptions options_for(const std::string& endpoint);

// That the error is one of those that a store may end with, and that its message says where.
// Empty: it is; otherwise what is wrong with it.
std::string unclear(const Error& error);

// Stops the run, and says so, when it takes longer than the bound.
class RunBound {
 public:
  RunBound(std::uint64_t seed, std::chrono::seconds bound);
  std::stop_token stop() const { return run_.get_token(); }
  bool passed() const { return run_.stop_requested(); }

 private:
  std::stop_source run_;
  std::jthread watch_;
};

// How runs ended, for the last line of a test.
class Outcomes {
 public:
  void add(const std::string& what) { ++counts_[what]; }
  void print(const std::string& title) const;

 private:
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace restored::test
