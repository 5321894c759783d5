// A real engine in a temporary directory with one database, served by a data server.
#pragma once

#include <memory>
#include <string>

#include "data/server.h"
#include "raw_client.h"
#include "restore/engine_parts.h"
#include "restored/engine.h"
#include "support/temporary_directory.h"

namespace restored::test {

class ServedEngine {
 public:
  explicit ServedEngine(data::DataOptions options = {}, const restore::EngineSeams& seams = {});
  ~ServedEngine();
  ServedEngine(const ServedEngine&) = delete;
  ServedEngine& operator=(const ServedEngine&) = delete;

  Engine& engine() { return *engine_; }
  data::DataServer& server() { return *server_; }
  std::uint16_t port() const { return server_->port(); }
  const CreatedDatabase& database() const { return database_; }
  const std::string& password() const { return database_.connection.password; }
  std::shared_ptr<Keyspace> keyspace() { return engine_->keyspace(database_.info.id); }
  std::string path(std::string_view name) const { return directory_.file(name); }

  RawClient stranger() const { return RawClient(port()); }
  RawClient client() const;  // authenticated

  // A backup, and restores and undos, waited for; failures fail the test.
  BackupId backup();
  void restore(const BackupId& backup);
  void undo();

 private:
  void wait(const Result<OperationView>& started);

  TemporaryDirectory directory_;
  std::unique_ptr<Engine> engine_;
  CreatedDatabase database_;
  std::unique_ptr<data::DataServer> server_;
};

data::DataOptions test_options();  // two threads, two workers

}  // namespace restored::test
