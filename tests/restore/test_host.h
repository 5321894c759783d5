// One host of a test: an engine over a state directory and a repository of its own (or shared with
// another host), small enough for hundreds of restores, with the seams in the test's hands.
//
//   const TemporaryDirectory directory;
//   TestHost host(directory.file("state"), directory.file("repository"));
//   host.open();
//   const DatabaseId id = host.make_database("orders");
//   host.put(id, records("key", 1000));
//   const BackupId backup = host.back_up(id);
//   EXPECT_EQ(host.restore(id, backup).state, OperationState::succeeded);
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "restore/open_engine.h"
#include "restored/engine.h"
#include "support/temporary_directory.h"

namespace restored::test {

using Content = std::map<std::string, std::string>;

// `count` records under "<prefix>000000…", with values that differ by seed and do not compress.
Content records(const std::string& prefix, int count, std::uint64_t seed = 1,
                std::size_t value_bytes = 100);

class TestHost {
 public:
  TestHost(std::string state_directory, const std::string& repository_directory);
  ~TestHost();

  // Before open().
  EngineOptions options;
  restore::EngineSeams seams;

  void open();              // aborts the test program when it fails
  Result<void> try_open();  //
  void close();             // EXPECTs that it succeeds
  Result<void> try_close();
  Engine& engine() { return *engine_; }

  DatabaseId make_database(const std::string& name);
  void put(const DatabaseId& id, const Content& content);
  void erase(const DatabaseId& id, const std::vector<std::string>& keys);
  Content content(const DatabaseId& id);  // every record, read through the live generation

  OperationView wait(const OperationId& id);  // until it ended; fails the test after a minute
  BackupId back_up(const DatabaseId& id, const std::string& name = "");
  Result<OperationView> start_restore(const DatabaseId& target, const BackupId& backup);
  // Started and waited for; a refusal is a failed view with the refusal's error.
  OperationView restore(const DatabaseId& target, const BackupId& backup);

  std::vector<std::string> staged_files(const DatabaseId& id) const;
  std::string state_directory() const { return options.state_directory; }

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace restored::test
