// Idempotency-Key: what is sent again is carried out once, and answered the same.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "catalog/record_store.h"
#include "control_test.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

class IdempotencyTest : public ControlTest {
 protected:
  HttpAnswer keyed(std::string_view method, std::string_view path, const std::string& key,
                   const std::string& body = "{}", Headers headers = {}) {
    headers.push_back("Idempotency-Key: " + key);
    return call(method, path, body, headers);
  }
  void restart() {
    stop();
    start();
  }
  std::string backups_path(const DatabaseId& database) const {
    return "/v1/databases/" + database.value + "/backups";
  }
  std::size_t backups_of(const DatabaseId& database) {
    return get(backups_path(database)).at("data").as_array().size();
  }
  // All bytes as they stand, then the registry's records, whose tables are compressed. Starts
  // again.
  std::string everything_on_disk() {
    std::string all;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(directory_.file("state"))) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    stop();
    const auto keep = [&](std::string_view key, std::string_view value) {
      all.append(key).append(" ").append(value).append("\n");
      return true;
    };
    auto store = catalog::RecordStore::open(directory_.file("state/registry"));
    EXPECT_TRUE(store && (*store)->scan("", keep) && (*store)->close());
    if (store) store->reset();
    start();
    return all;
  }
};

void expect_replay(const HttpAnswer& first, const HttpAnswer& again) {
  EXPECT_EQ(again.status, first.status);
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(again.header("content-type"), first.header("content-type"));
  EXPECT_EQ(again.header("operation-location"), first.header("operation-location"));
  EXPECT_EQ(again.header("idempotency-replayed"), "true");
  EXPECT_NE(again.header("x-request-id"), first.header("x-request-id"));
}

TEST_F(IdempotencyTest, ADatabaseIsMadeOnceAndItsSecretIsTold) {
  const std::string body = R"({"name":"orders"})";
  const HttpAnswer first = keyed("POST", "/v1/databases", "k-1", body);
  ASSERT_EQ(first.status, 201) << first.text;
  EXPECT_EQ(first.header("idempotency-replayed"), "");
  const std::string secret = first.word("data.connections.0.endpoints.direct.connectionString");
  EXPECT_NE(secret.find("redis://"), std::string::npos) << first.text;
  expect_replay(first, keyed("POST", "/v1/databases", "k-1", body));
  restart();
  expect_replay(first, keyed("POST", "/v1/databases", "k-1", body));
  EXPECT_EQ(engine_->databases().size(), 1u);
  EXPECT_EQ(keyed("POST", "/v1/databases", "k-2", body).status, 201);
  EXPECT_EQ(engine_->databases().size(), 2u);
}

TEST_F(IdempotencyTest, NoSecretAndNoKeyIsOnDisk) {
  const HttpAnswer made = keyed("POST", "/v1/databases", "a-key-of-the-client", R"({"name":"o"})");
  const HttpAnswer token =
      keyed("POST", "/v1/tokens", "another-key", R"({"name":"ci","scopes":["read"]})");
  ASSERT_EQ(token.status, 201) << token.text;
  const std::string text = made.word("data.connections.0.endpoints.direct.connectionString");
  const std::string password = text.substr(text.rfind(':', text.rfind('@')) + 1, 43);
  ASSERT_EQ(password.size(), 43u) << text;
  ASSERT_TRUE(engine_->authenticate("", password)) << text;
  for (int round = 0; round < 2; ++round) {
    const std::string disk = everything_on_disk();
    EXPECT_NE(disk.find(made.word("data.id").substr(3)), std::string::npos) << "it is all there";
    for (const std::string& secret :
         {password, token.word("data.secret"), admin_, std::string("a-key-of-the-client")}) {
      EXPECT_EQ(disk.find(secret), std::string::npos);
    }
  }
  EXPECT_EQ(keyed("POST", "/v1/tokens", "another-key", R"({"name":"ci","scopes":["read"]})")
                .word("data.secret"),
            token.word("data.secret"));
}

TEST_F(IdempotencyTest, AnotherContentIsRefused) {
  const DatabaseId database = make_database("orders");
  const HttpAnswer first = keyed("POST", backups_path(database), "k", R"({"name":"a"})");
  ASSERT_EQ(first.status, 201) << first.text;
  ended_operation_of(first);
  for (const auto& [path, body] : std::vector<std::pair<std::string, std::string>>{
           {backups_path(database), R"({"name":"b"})"},
           {backups_path(database), R"({"name": "a"})"},
           {backups_path(database) + "?x", R"({"name":"a"})"},
           {"/v1/databases", R"({"name":"a"})"}}) {
    expect_error(keyed("POST", path, "k", body), 422, "idempotency-key-reused");
  }
  EXPECT_EQ(backups_of(database), 1u);
  EXPECT_EQ(engine_->databases().size(), 1u);
  // A key belongs to who sends it.
  EXPECT_EQ(call("POST", backups_path(database), R"({"name":"b"})",
                 {"Idempotency-Key: k", "Authorization: Bearer " + new_token(7)})
                .status,
            201);
}

TEST_F(IdempotencyTest, OfAHundredAtOnceOneIsCarriedOut) {
  const DatabaseId database = make_database("orders");
  const std::string body = R"({"name":"one"})";
  const std::string request =
      "POST " + backups_path(database) + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + admin_ +
      "\r\nIdempotency-Key: k\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
      body;
  std::vector<RawClient> clients;
  for (int client = 0; client < 100; ++client) clients.emplace_back(address());
  for (RawClient& client : clients) ASSERT_TRUE(client.send(request));
  std::set<std::string> bodies;
  int made = 0;
  for (RawClient& client : clients) {
    std::string received = client.read_until("}}");
    const HttpAnswer answer = take_answer(received);
    if (answer.status == 201) {
      ++made;
      bodies.insert(answer.text);
    } else {
      expect_error(answer, 409, "idempotency-key-in-use");
      EXPECT_FALSE(answer.header("retry-after").empty());
    }
  }
  EXPECT_GE(made, 1);
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_EQ(backups_of(database), 1u);
  EXPECT_EQ(keyed("POST", backups_path(database), "k", body).text, *bodies.begin());
}

// The repository hangs, and with it the first of two: either may come first.
TEST_F(IdempotencyTest, WhileOneIsCarriedOutAnotherIsToldToComeAgain) {
  const DatabaseId database = make_database("orders");
  make_backup(database);  // the repository is there
  const std::string directory = directory_.file("repository/backups/hung");
  ASSERT_TRUE(std::filesystem::create_directories(directory));
  const std::string pipe = directory + "/manifest";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string body = restore_body(database, BackupId("hung"));
  const std::string request =
      "POST " + restore_path(database) + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + admin_ +
      "\r\nIdempotency-Key: k\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
      body;
  std::vector<RawClient> clients;
  for (int client = 0; client < 2; ++client) {
    clients.emplace_back(address());
    ASSERT_TRUE(clients.back().send(request));
  }
  ASSERT_TRUE(test::wait_until([&] { return std::ranges::any_of(clients, &RawClient::readable); }));
  if (clients[0].readable()) std::swap(clients[0], clients[1]);
  std::string received = clients[1].read_until("}}");
  const HttpAnswer in_use = take_answer(received);
  expect_error(in_use, 409, "idempotency-key-in-use");
  EXPECT_GE(std::atoi(in_use.header("retry-after").c_str()), 1);
  expect_error(keyed("POST", restore_path(database), "k", body), 409, "idempotency-key-in-use");
  expect_error(keyed("POST", restore_path(database), "k", "{}"), 422, "idempotency-key-reused");
  EXPECT_FALSE(clients[0].readable()) << "it hung all the time";
  ASSERT_TRUE(test::wait_until([&] {  // a writer that comes and goes: the manifest is empty
    const UniqueFd writer(::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return clients[0].readable();
  }));
  received = clients[0].read_until("}}");
  const HttpAnswer first = take_answer(received);
  expect_error(first, 422, "backup-not-usable");
  expect_replay(first, keyed("POST", restore_path(database), "k", body));
}

TEST_F(IdempotencyTest, WhileItWaitsTheSecondSurfaceIsToldToComeAgain) {
  const DatabaseId database = make_database("orders");
  const BackupId backup = make_backup(database);
  const std::string path = "/v2/redis/restore-backup/" + database.value;
  const std::string body = R"({"backup_id":")" + backup.value + R"("})";
  WritePermit permit = engine_->keyspace(database)->try_begin_write();  // holds the swap up
  HttpAnswer first;
  std::jthread client([&] { first = keyed("POST", path, "k", body, {"Prefer: wait=60"}); });
  ASSERT_TRUE(test::wait_until([&] { return engine_->operations().size() == 2; }));
  test::write_file(directory_.file("again"), body);
  std::vector<std::string> arguments = curl_address();
  arguments.insert(arguments.end(),
                   {"--header", "Authorization: " + basic("ops@example.org", admin_), "--header",
                    "Idempotency-Key: k", "--data-binary", "@" + directory_.file("again"),
                    "http://localhost" + path});
  const HttpAnswer again = curl(arguments);
  expect_second_error(again, 503);
  EXPECT_GE(std::atoi(again.header("retry-after").c_str()), 1);
  EXPECT_EQ(engine_->operations().size(), 2u) << "the backup, and one restore";
  permit.release();
  client.join();
  EXPECT_EQ(first.text, "\"OK\"");
  EXPECT_EQ(ended_operation_of(first).state, OperationState::succeeded);
  expect_replay(first, keyed("POST", path, "k", body));
}

TEST_F(IdempotencyTest, ARestoreIsRepeatedWithItsOperation) {
  const DatabaseId database = make_database("orders");
  const BackupId backup = make_backup(database);
  const std::string body = restore_body(database, backup);
  const HttpAnswer first = keyed("POST", restore_path(database), "k", body);
  ASSERT_EQ(first.status, 200) << first.text;
  ended_operation_of(first);
  const GenerationNumber generation = engine_->database(database)->generation;
  expect_replay(first, keyed("POST", restore_path(database), "k", body));
  EXPECT_EQ(engine_->database(database)->generation, generation);
  EXPECT_EQ(keyed("POST", restore_path(database) + "/undo", "u").status, 200);
  const GenerationNumber undone = engine_->database(database)->generation;
  EXPECT_EQ(keyed("POST", restore_path(database) + "/undo", "u").status, 200);
  EXPECT_EQ(engine_->database(database)->generation, undone);
}

TEST_F(IdempotencyTest, TheSecondSurfaceHasItToo) {
  const DatabaseId database = make_database("orders");
  const std::string path = "/v2/redis/create-backup/" + database.value;
  const HttpAnswer first = keyed("POST", path, "k", R"({"name":"a"})");
  ASSERT_EQ(first.status, 200) << first.text;
  expect_replay(first, keyed("POST", path, "k", R"({"name":"a"})"));
  EXPECT_EQ(backups_of(database), 1u);
  expect_second_error(keyed("POST", path, "k", R"({"name":"b"})"), 400);
  const OperationView made = ended_operation_of(first);
  const std::string restore = "/v2/redis/restore-backup/" + database.value;
  const std::string body = R"({"backup_id":")" + made.backup.value + R"("})";
  const HttpAnswer waited = keyed("POST", restore, "w", body, {"Prefer: wait=30"});
  ASSERT_EQ(waited.status, 200) << waited.text;
  expect_replay(waited, keyed("POST", restore, "w", body, {"Prefer: wait=30"}));
}

// A client that left while it waited was answered nothing: when it asks again it goes on waiting.
TEST_F(IdempotencyTest, AWaitThatWasCutShortIsNoAnswer) {
  const DatabaseId database = make_database("orders");
  const BackupId backup = make_backup(database);
  const std::string restore = "/v2/redis/restore-backup/" + database.value;
  const std::string body = R"({"backup_id":")" + backup.value + R"("})";
  const GenerationNumber before = engine_->database(database)->generation;
  const auto keyspace = engine_->keyspace(database);
  WritePermit permit = keyspace->try_begin_write();  // holds the swap up
  {
    RawClient leaving(address());
    leaving.send("POST " + restore +
                 " HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nAuthorization: " +
                 basic("ops@example.org", admin_) + "\r\nPrefer: wait=60\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body);
    ASSERT_TRUE(
        test::wait_until([&] { return engine_->database(database)->operation.has_value(); }));
  }
  HttpAnswer again;
  ASSERT_TRUE(test::wait_until([&] {
    again = keyed("POST", restore, "k", body, {"Prefer: wait=1"});
    return again.status != 503;  // the first one has not seen yet that its client is gone
  }));
  EXPECT_EQ(again.text, "\"OK\"");
  EXPECT_EQ(again.header("idempotency-replayed"), "") << "it waited itself";
  permit.release();
  EXPECT_EQ(ended_operation_of(again).state, OperationState::succeeded);
  EXPECT_EQ(engine_->database(database)->generation, before + 1) << "restored once";
}

TEST_F(IdempotencyTest, AKeyThatIsSentTwiceIsNone) {
  expect_error(call("POST", "/v1/databases", R"({"name":"a"})",
                    {"Idempotency-Key: one", "Idempotency-Key: two"}),
               400, "invalid-request");
  EXPECT_EQ(engine_->databases().size(), 0u);
}

TEST_F(IdempotencyTest, ARefusalIsRepeatedUnlessItMayPass) {
  const HttpAnswer unknown = keyed("POST", "/v1/databases/nobody/backups", "k");
  expect_error(unknown, 404, "resource-not-found");
  expect_replay(unknown, keyed("POST", "/v1/databases/nobody/backups", "k"));
  // A removal, too: what is gone was removed by this very request.
  const DatabaseId database = make_database("orders");
  const std::string path = "/v1/databases/" + database.value;
  EXPECT_EQ(keyed("DELETE", path, "d").status, 204);
  EXPECT_EQ(keyed("DELETE", path, "d").status, 204);
  expect_error(keyed("DELETE", path, "e"), 404, "resource-not-found");
}

TEST_F(IdempotencyTest, KeysThatMayNotBeAreRefusedAndReadingNeedsNone) {
  const std::string longest(255, 'k');
  expect_error(keyed("POST", "/v1/databases", longest + "k", R"({"name":"a"})"), 400,
               "invalid-request");
  expect_error(keyed("POST", "/v1/databases", "two words", R"({"name":"a"})"), 400,
               "invalid-request");
  EXPECT_EQ(keyed("POST", "/v1/databases", longest, R"({"name":"a"})").status, 201);
  for (int round = 0; round < 2; ++round) {
    const HttpAnswer answer = call("GET", "/v1/databases", {}, {"Idempotency-Key: " + longest});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("idempotency-replayed"), "");
  }
  expect_error(call("POST", "/v1/databases", R"({"name":"a"})",
                    {"Idempotency-Key: " + longest, "Authorization: Bearer nobody"}),
               401, "authentication-required");
}

}  // namespace
}  // namespace restored::control
