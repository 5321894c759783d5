#include "registry/registry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "base/random.h"
#include "open_registry.h"

namespace restored::registry {
namespace {

class RegistryTest : public OpenRegistryTest {
 protected:
  DatabaseId add_database(const std::string& id) {
    DatabaseRecord record;
    record.id = DatabaseId(id);
    record.name = "name of " + id;
    record.project_id = "default";
    record.region = "us-east-1";
    record.status = DatabaseStatus::ready;
    record.created_at = 1000;
    EXPECT_TRUE(registry_->put_database(record));
    return record.id;
  }
};

OperationRecord operation(const std::string& id, std::optional<UnixMillis> ended) {
  OperationRecord record;
  record.view.id = OperationId(id);
  record.view.database = DatabaseId("a");
  record.view.state = ended ? OperationState::succeeded : OperationState::running;
  record.view.ended_at = ended;
  return record;
}

TEST_F(RegistryTest, DatabasesComeBackInOrderOfCreationAfterReopen) {
  for (const char* id : {"zebra", "apple", "mango"}) add_database(id);
  DatabaseRecord failed = *registry_->database(DatabaseId("apple"));
  failed.status = DatabaseStatus::failure;
  failed.failure = Error{ErrorCode::corruption, "frame 17 differs", "choose another"};
  failed.is_default = true;
  ASSERT_TRUE(registry_->put_database(failed));
  reopen();

  const auto databases = registry_->databases();
  ASSERT_EQ(databases.size(), 3u);
  EXPECT_EQ(databases[0].id.value, "zebra");
  EXPECT_EQ(databases[1].id.value, "apple") << "a changed record keeps its place";
  EXPECT_EQ(databases[2].id.value, "mango");
  EXPECT_EQ(databases[0].name, "name of zebra");
  EXPECT_EQ(databases[0].project_id, "default");
  EXPECT_EQ(databases[0].region, "us-east-1");
  EXPECT_EQ(databases[0].created_at, 1000);
  EXPECT_EQ(databases[0].status, DatabaseStatus::ready);
  EXPECT_FALSE(databases[0].failure);
  EXPECT_EQ(databases[1].status, DatabaseStatus::failure);
  EXPECT_TRUE(databases[1].is_default);
  ASSERT_TRUE(databases[1].failure);
  EXPECT_EQ(databases[1].failure->code, ErrorCode::corruption);
  EXPECT_EQ(databases[1].failure->message, "frame 17 differs");
  EXPECT_EQ(databases[1].failure->hint, "choose another");
}

TEST_F(RegistryTest, OneDatabaseOfAProjectIsTheDefaultOne) {
  for (const char* id : {"first", "second", "elsewhere"}) add_database(id);
  DatabaseRecord elsewhere = *registry_->database(DatabaseId("elsewhere"));
  elsewhere.project_id = "other";
  elsewhere.is_default = true;
  ASSERT_TRUE(registry_->put_database(elsewhere));
  for (const char* id : {"first", "second", "second"}) {
    ASSERT_TRUE(registry_->choose_default(DatabaseId(id)));
    reopen();
    for (const DatabaseRecord& record : registry_->databases()) {
      const bool chosen = record.id.value == id || record.id.value == "elsewhere";
      EXPECT_EQ(record.is_default, chosen) << record.id.value;
    }
  }
  EXPECT_EQ(registry_->choose_default(DatabaseId("none")).error().code,
            ErrorCode::database_not_found);
}

TEST_F(RegistryTest, RemovingADatabaseTakesItsConnectionsAndNoOthers) {
  const DatabaseId gone = add_database("gone");
  const DatabaseId kept = add_database("kept");
  const NewConnection lost = *registry_->create_connection(gone, "default");
  const NewConnection held = *registry_->create_connection(kept, "default");
  ASSERT_TRUE(registry_->remove_database(gone));
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(registry_->database(gone));
    EXPECT_FALSE(registry_->connection(lost.info.id));
    EXPECT_FALSE(registry_->authenticate("", lost.password));
    EXPECT_TRUE(registry_->authenticate("", held.password));
    reopen();
  }
}

TEST_F(RegistryTest, APasswordAloneOrWithItsConnectionOpensItsDatabase) {
  const DatabaseId one = add_database("one");
  const DatabaseId two = add_database("two");
  const NewConnection first = *registry_->create_connection(one, "default");
  const NewConnection second = *registry_->create_connection(two, "other");
  EXPECT_EQ(first.password.size(), 43u);
  for (const std::string& user :
       {std::string(), std::string("default"), first.info.id.value, "con_" + first.info.id.value}) {
    const auto credential = registry_->authenticate(user, first.password);
    ASSERT_TRUE(credential) << user;
    EXPECT_EQ(credential->connection, first.info.id);
    EXPECT_EQ(credential->database, one);
  }
  EXPECT_EQ(registry_->authenticate("", second.password)->database, two);

  EXPECT_FALSE(registry_->authenticate(second.info.id.value, first.password))
      << "another connection's id does not go with this password";
  EXPECT_FALSE(registry_->authenticate("", ""));
  EXPECT_FALSE(registry_->authenticate("", first.password + "x"));
  EXPECT_FALSE(registry_->authenticate("", first.password.substr(1)));
  EXPECT_FALSE(registry_->authenticate(first.info.id.value, ""));
  EXPECT_FALSE(registry_->authenticate("con_", first.password + "x"));
}

TEST_F(RegistryTest, RotationReplacesThePasswordForGood) {
  const DatabaseId id = add_database("a");
  const NewConnection before = *registry_->create_connection(id, "default");
  const NewConnection after = *registry_->rotate_connection(before.info.id);
  EXPECT_EQ(after.info.id, before.info.id);
  EXPECT_EQ(after.info.name, "default");
  EXPECT_NE(after.password, before.password);
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(registry_->authenticate("", before.password));
    EXPECT_TRUE(registry_->authenticate("", after.password));
    EXPECT_EQ(registry_->connections(id).size(), 1u);
    reopen();
  }
}

TEST_F(RegistryTest, ConnectionsKeepTheirOrderWhenOneIsRotated) {
  const DatabaseId id = add_database("a");
  const auto first = *registry_->create_connection(id, "default");
  const auto second = *registry_->create_connection(id, "reports");
  ASSERT_TRUE(registry_->rotate_connection(first.info.id));
  reopen();
  const auto connections = registry_->connections(id);
  ASSERT_EQ(connections.size(), 2u);
  EXPECT_EQ(connections[0].id, first.info.id);
  EXPECT_EQ(connections[1].id, second.info.id);
}

TEST_F(RegistryTest, ARemovedConnectionNoLongerAuthenticates) {
  const DatabaseId id = add_database("a");
  const NewConnection made = *registry_->create_connection(id, "default");
  ASSERT_TRUE(registry_->remove_connection(made.info.id));
  EXPECT_FALSE(registry_->authenticate("", made.password));
  reopen();
  EXPECT_FALSE(registry_->authenticate("", made.password));
  EXPECT_FALSE(registry_->connection(made.info.id));
}

TEST_F(RegistryTest, UnknownIdsAreNamedErrors) {
  const ConnectionId connection("nobody");
  EXPECT_EQ(registry_->create_connection(DatabaseId("nowhere"), "x").error().code,
            ErrorCode::database_not_found);
  EXPECT_EQ(registry_->rotate_connection(connection).error().code, ErrorCode::connection_not_found);
  EXPECT_EQ(registry_->remove_connection(connection).error().code, ErrorCode::connection_not_found);
  EXPECT_EQ(registry_->revoke_token(TokenId("nobody")).error().code, ErrorCode::token_not_found);
}

TEST_F(RegistryTest, TokensCarryTheirScopesAndEndByRevocation) {
  EXPECT_TRUE(registry_->never_had_a_token());
  const NewToken admin = *registry_->create_token("admin", 7);
  const NewToken reader = *registry_->create_token("ci", 1);
  EXPECT_FALSE(registry_->never_had_a_token());
  EXPECT_NE(admin.secret, reader.secret);
  ASSERT_TRUE(registry_->revoke_token(admin.info.id));
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(registry_->token(admin.secret));
    ASSERT_TRUE(registry_->token(reader.secret));
    EXPECT_EQ(registry_->token(reader.secret)->name, "ci");
    EXPECT_EQ(registry_->token(reader.secret)->scopes, 1);
    EXPECT_FALSE(registry_->token(""));
    EXPECT_EQ(registry_->tokens().size(), 1u);
    reopen();
  }
}

TEST_F(RegistryTest, ARegistryWhoseOnlyTokenWasRevokedDidHaveOne) {
  const NewToken made = *registry_->create_token("admin", 7);
  ASSERT_TRUE(registry_->revoke_token(made.info.id));
  reopen();
  EXPECT_TRUE(registry_->tokens().empty());
  EXPECT_FALSE(registry_->never_had_a_token());
}

TEST_F(RegistryTest, OperationsAreNewestFirstAndTheOldEndedOnesLeave) {
  ASSERT_TRUE(registry_->put_operation(operation("old", 1000)));
  ASSERT_TRUE(registry_->put_operation(operation("running", std::nullopt)));
  ASSERT_TRUE(registry_->put_operation(operation("recent", 3000)));
  ASSERT_TRUE(registry_->put_operation(operation("old but wanted", 1000)));
  ASSERT_TRUE(registry_->put_operation(operation("old", 1000)));  // again: keeps its place
  reopen();
  ASSERT_TRUE(registry_->remove_operations_before(2000, {OperationId("old but wanted")}));
  for (int round = 0; round < 2; ++round) {
    const auto operations = registry_->operations();
    ASSERT_EQ(operations.size(), 3u);
    EXPECT_EQ(operations[0].view.id.value, "old but wanted");
    EXPECT_EQ(operations[1].view.id.value, "recent");
    EXPECT_EQ(operations[2].view.id.value, "running");
    reopen();
  }
}

// Every file below the directory, as bytes.
std::string everything_on_disk(const std::string& directory) {
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return all;
}

TEST_F(RegistryTest, TheSameIntentMakesTheSameCredentials) {
  const DatabaseId id = add_database("orders");
  const Intent intent{std::string(32, 's')};
  const NewConnection made = *registry_->create_connection(id, "app", intent);
  const NewConnection rotated = *registry_->rotate_connection(made.info.id, {std::string(32, 'r')});
  const NewToken token = *registry_->create_token("ci", 1, {}, intent);
  reopen();
  EXPECT_EQ(registry_->create_connection(id, "app", intent)->password, made.password);
  EXPECT_EQ(registry_->connections(id).size(), 1u);
  EXPECT_FALSE(registry_->authenticate("", made.password)) << "made again, it would be valid again";
  EXPECT_EQ(registry_->rotate_connection(made.info.id, {std::string(32, 'r')})->password,
            rotated.password);
  EXPECT_TRUE(registry_->authenticate("", rotated.password));
  EXPECT_EQ(registry_->create_token("ci", 1, {}, intent)->secret, token.secret);
  EXPECT_EQ(registry_->tokens().size(), 1u);
  EXPECT_NE(made.password, token.secret);
  EXPECT_EQ(made.password.size(), 43u);
  EXPECT_EQ(made.info.id.value.size(), 24u);
}

TEST_F(RegistryTest, NoSecretIsEverOnDisk) {
  const DatabaseId id = add_database("a");
  const NewConnection first = *registry_->create_connection(id, "default");
  const NewConnection rotated = *registry_->rotate_connection(first.info.id);
  const NewToken token = *registry_->create_token("admin", 7);
  const Intent intent{random_secret()};
  const NewConnection derived = *registry_->create_connection(id, "derived", intent);
  const std::set<std::string> secrets{first.password, rotated.password, token.secret, intent.seed,
                                      derived.password};
  ASSERT_EQ(secrets.size(), 5u);
  // Ids are random too, so tables hold them as uncompressed as they would hold secrets.
  const auto check = [&] {
    const std::string disk = everything_on_disk(path());
    EXPECT_NE(disk.find(token.info.id.value), std::string::npos) << "the records are there";
    EXPECT_NE(disk.find(first.info.id.value), std::string::npos);
    for (const std::string& secret : secrets) EXPECT_EQ(disk.find(secret), std::string::npos);
  };
  check();  // in the log
  reopen();
  check();  // in a table
}

TEST_F(RegistryTest, ReadersAndWritersRunAtOnce) {
  const DatabaseId id = add_database("a");
  const NewConnection kept = *registry_->create_connection(id, "kept");
  std::atomic<bool> done = false;
  std::atomic<int> refused = 0;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&] {
      while (!done) {
        if (!registry_->authenticate("", kept.password)) ++refused;
        if (registry_->connections(id).empty()) ++refused;
        registry_->operations();
      }
    });
  }
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (int round = 0; round < 5; ++round) {
        const NewConnection made = *registry_->create_connection(id, "passing");
        EXPECT_TRUE(registry_->rotate_connection(made.info.id));
        EXPECT_TRUE(registry_->put_operation(operation(std::to_string(writer), round)));
        EXPECT_TRUE(registry_->remove_connection(made.info.id));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(refused, 0) << "a connection that nobody touched was missing for a moment";
  EXPECT_EQ(registry_->connections(id).size(), 1u);
}

}  // namespace
}  // namespace restored::registry
