// A control server over a real engine, in this process, on a unix socket and on TCP.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clients.h"
#include "control/server.h"
#include "restored/engine.h"
#include "support/temporary_directory.h"

namespace restored::control {

using Headers = std::vector<std::string>;  // "Name: value"

class ControlTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Changes for the engine or the server, before SetUp's start.
  virtual void configure(EngineOptions&, ControlOptions&) {}
  // For those that hold the engine's seams.
  virtual Result<std::unique_ptr<Engine>> open(EngineOptions options) {
    return Engine::open(std::move(options));
  }
  void start();
  void stop();

  std::string unix_address() const { return server_->addresses()[0]; }
  std::string tcp_address() const { return server_->addresses()[1]; }
  std::string socket_path() const { return directory_.file("control.sock"); }
  // Which of the two call() speaks to: the unix socket, or TCP where RESTORED_TEST_OVER_TCP is set.
  // As curl's arguments, with the same URL and Host for both; and how a record of who asked begins.
  std::string address() const;
  std::vector<std::string> curl_address() const;
  std::string peer_begin() const;

  // The administrator's token goes along in the path's scheme, unless a header says otherwise.
  // Every answer is compared with openapi.json.
  HttpAnswer call(std::string_view method, std::string_view path,
                  const std::optional<std::string>& body = std::nullopt,
                  const Headers& headers = {});
  HttpAnswer get(std::string_view path) { return call("GET", path); }
  HttpAnswer post(std::string_view path, const std::string& body = "{}") {
    return call("POST", path, body);
  }
  std::string new_token(Scopes scopes);
  std::string basic(std::string_view user, std::string_view key) const;  // header value

  // A database with `records` records, made through the engine. Its id carries no prefix.
  DatabaseId make_database(const std::string& name, int records = 3);
  void write_records(const DatabaseId& database, const std::string& prefix, int count);
  BackupId make_backup(const DatabaseId& database);
  OperationView ended(const OperationId& operation);
  OperationView ended_operation_of(const HttpAnswer& answer);  // by Operation-Location

  std::string restore_body(const DatabaseId& source, const BackupId& backup) const;
  std::string restore_path(const DatabaseId& target) const;

  test::TemporaryDirectory directory_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<ControlServer> server_;
  std::string admin_;
};

// The object has exactly these members, each of one of the types, "string|null": string, number,
// integer, bool, array, object, null, time.
using Members = std::vector<std::pair<std::string, std::string>>;
void expect_members(const boost::json::value& value, const Members& members);

extern const Members database_members;
extern const Members connection_members;
extern const Members backup_members;
extern const Members backup_details_members;
extern const Members operation_members;

// The first surface's error envelope, with this code.
void expect_error(const HttpAnswer& answer, int status, std::string_view code);
// The second's.
void expect_second_error(const HttpAnswer& answer, int status);

}  // namespace restored::control
