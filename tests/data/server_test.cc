// The server beside the commands: who gets in, who is sent away, what bounds hold.
#include "data/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <thread>

#include "served_engine.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

using std::chrono::steady_clock;

TEST(DataServerTest, StrangersGetNoauthUntilTheyAuthenticate) {
  ServedEngine served;
  RawClient client = served.stranger();
  const std::string noauth = "-NOAUTH Authentication required.\r\n";
  const std::string wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  EXPECT_EQ(client.call({"PING"}), noauth);
  EXPECT_EQ(client.call({"GET", "a"}), noauth);
  EXPECT_EQ(client.call({"MULTI"}), noauth);
  EXPECT_EQ(client.call({"COMMAND", "COUNT"}), noauth);
  EXPECT_EQ(client.call({"NOSUCH"}),
            "-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
  EXPECT_EQ(client.call({"GET"}), "-ERR wrong number of arguments for 'get' command\r\n");
  EXPECT_EQ(client.call({"AUTH", "wrong"}), wrong);
  EXPECT_EQ(client.call({"AUTH", "default", "wrong"}), wrong);
  EXPECT_TRUE(client.call({"HELLO", "3"}).starts_with("-NOAUTH HELLO must be called with"));
  EXPECT_EQ(client.call({"HELLO", "3", "AUTH", "default", "wrong"}), wrong);
  EXPECT_EQ(client.call({"AUTH", "default", served.password()}), "+OK\r\n");
  EXPECT_EQ(client.call({"PING"}), "+PONG\r\n");
  EXPECT_EQ(client.call({"AUTH", "wrong"}), wrong);
  EXPECT_EQ(client.call({"PING"}), "+PONG\r\n") << "a failed AUTH changes nothing";
  EXPECT_EQ(client.call({"RESET"}), "+RESET\r\n");
  EXPECT_EQ(client.call({"PING"}), noauth);
}

TEST(DataServerTest, HelloAuthenticatesNamesAndChoosesTheProtocol) {
  ServedEngine served;
  RawClient client = served.stranger();
  const std::string reply =
      client.call({"HELLO", "3", "AUTH", "default", served.password(), "SETNAME", "me"});
  EXPECT_TRUE(reply.starts_with("%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n")) << reply;
  EXPECT_EQ(client.call({"CLIENT", "GETNAME"}), "$2\r\nme\r\n");
  EXPECT_EQ(client.call({"GET", "nokey"}), "_\r\n");
}

TEST(DataServerTest, AUserNamesItsConnection) {
  ServedEngine served;
  const auto added = served.engine().create_connection(served.database().info.id, "reporting");
  ASSERT_TRUE(added.has_value());
  RawClient client = served.stranger();
  EXPECT_EQ(client.call({"AUTH", added->info.id.value, added->password}), "+OK\r\n");
  EXPECT_EQ(client.call({"AUTH", added->password}), "+OK\r\n");
  EXPECT_TRUE(client.call({"AUTH", "somebody", added->password}).starts_with("-WRONGPASS"));
}

TEST(DataServerTest, PasswordsDecideWhichDatabaseIsSeen) {
  ServedEngine served;
  CreateDatabase request;
  request.name = "other";
  const auto other = served.engine().create_database(request, "test");
  ASSERT_TRUE(other.has_value());
  RawClient client = served.client();
  EXPECT_EQ(client.call({"SET", "a", "first"}), "+OK\r\n");
  RawClient neighbour = served.stranger();
  EXPECT_EQ(neighbour.call({"AUTH", other->connection.password}), "+OK\r\n");
  EXPECT_EQ(neighbour.call({"GET", "a"}), "$-1\r\n");
  // Neighbours do not see each other's connections either.
  const std::string list = neighbour.call({"CLIENT", "LIST"});
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 3) << list;
  EXPECT_EQ(neighbour.call({"CLIENT", "KILL", "TYPE", "normal"}), ":0\r\n");
  EXPECT_EQ(client.call({"GET", "a"}), "$5\r\nfirst\r\n");
  EXPECT_EQ(neighbour.call({"AUTH", served.password()}), "+OK\r\n");
  EXPECT_EQ(neighbour.call({"GET", "a"}), "$5\r\nfirst\r\n");
}

TEST(DataServerTest, ADeletedConnectionClosesItsSessionsAndNoOthers) {
  ServedEngine served;
  const auto id = served.database().info.id;
  const auto added = served.engine().create_connection(id, "extra");
  ASSERT_TRUE(added.has_value());
  RawClient active = served.stranger();
  RawClient idle = served.stranger();
  RawClient other = served.client();
  EXPECT_EQ(active.call({"AUTH", added->password}), "+OK\r\n");
  EXPECT_EQ(idle.call({"AUTH", added->password}), "+OK\r\n");
  ASSERT_TRUE(served.engine().remove_connection(added->info.id).has_value());
  EXPECT_EQ(active.call({"PING"}), "<closed>");
  EXPECT_EQ(idle.drain(), "") << "an idle session is closed as well";
  EXPECT_EQ(other.call({"PING"}), "+PONG\r\n");
}

TEST(DataServerTest, ARotatedPasswordKeepsOpenSessions) {
  ServedEngine served;
  RawClient client = served.client();
  const auto rotated = served.engine().rotate_connection(served.database().connection.info.id);
  ASSERT_TRUE(rotated.has_value());
  EXPECT_EQ(client.call({"PING"}), "+PONG\r\n");
  RawClient late = served.stranger();
  EXPECT_TRUE(late.call({"AUTH", served.password()}).starts_with("-WRONGPASS"));
  EXPECT_EQ(late.call({"AUTH", rotated->password}), "+OK\r\n");
}

TEST(DataServerTest, ADeletedDatabaseClosesItsSessions) {
  ServedEngine served;
  CreateDatabase request;
  request.name = "doomed";
  const auto doomed = served.engine().create_database(request, "test");
  ASSERT_TRUE(doomed.has_value());
  RawClient client = served.stranger();
  EXPECT_EQ(client.call({"AUTH", doomed->connection.password}), "+OK\r\n");
  EXPECT_EQ(client.call({"SET", "a", "1"}), "+OK\r\n");
  ASSERT_TRUE(served.engine().remove_database(doomed->info.id).has_value());
  EXPECT_EQ(client.drain(), "");
}

TEST(DataServerTest, OneClientTooManyIsToldSo) {
  data::DataOptions options = test_options();
  options.clients_max = 2;
  ServedEngine served(options);
  RawClient first = served.client();
  {
    const RawClient second = served.client();
    RawClient third = served.stranger();
    EXPECT_EQ(third.drain(), "-ERR max number of clients reached\r\n");
  }
  EXPECT_TRUE(wait_until([&] { return served.server().stats().clients < 2; }));
  served.client();
  EXPECT_EQ(served.server().stats().connections_refused, 1u);
}

TEST(DataServerTest, ValuesAreBoundedAsConfigured) {
  data::DataOptions options = test_options();
  options.value_bytes_max = 1000;
  ServedEngine served(options);
  RawClient client = served.client();
  EXPECT_EQ(client.call({"SET", "a", std::string(1000, 'x')}), "+OK\r\n");
  const std::string too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
  EXPECT_EQ(client.call({"APPEND", "a", "y"}), too_long);
  EXPECT_EQ(client.call({"SETRANGE", "a", "1000", "y"}), too_long);
  EXPECT_EQ(client.call({"SETRANGE", "a", "999", "y"}), ":1000\r\n");
  EXPECT_TRUE(client.send(encode_request({"SET", "a", std::string(1001, 'x')})));
  EXPECT_EQ(client.drain(), "-ERR Protocol error: invalid bulk length\r\n");
}

TEST(DataServerTest, BigValuesComeBackWhole) {
  ServedEngine served;
  RawClient client = served.client();
  std::string big(24 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 2654435761u >> 13);
  EXPECT_EQ(client.call({"SET", "big", big}), "+OK\r\n");
  const std::string header = "$" + std::to_string(big.size()) + "\r\n";
  EXPECT_TRUE(client.call({"GET", "big"}) == header + big + "\r\n");
  EXPECT_EQ(client.call({"GETRANGE", "big", "1000000", "1000009"}),
            "$10\r\n" + big.substr(1'000'000, 10) + "\r\n");
  EXPECT_TRUE(client.call({"GETSET", "big", "small"}) == header + big + "\r\n");
}

TEST(DataServerTest, ALongPipelineIsReadWhileItsRepliesWait) {
  ServedEngine served;
  RawClient client = served.client();
  EXPECT_EQ(client.call({"SET", "a", std::string(10'000, 'v')}), "+OK\r\n");
  // More replies than any socket buffer holds, and none is read before all was sent.
  constexpr int commands = 5'000;
  std::string text;
  for (int i = 0; i < commands; ++i) text += encode_request({"GET", "a"});
  ASSERT_TRUE(client.send(text));
  for (int i = 0; i < commands; ++i) {
    const auto reply = client.receive();
    ASSERT_TRUE(reply.has_value()) << i;
    ASSERT_EQ(reply->size(), 10'000u + 10u);
  }
}

TEST(DataServerTest, AClientThatDoesNotReadIsClosedAtTheBound) {
  data::DataOptions options = test_options();
  options.value_bytes_max = 64 * 1024;
  options.output_buffer_bytes_max = 4 * 1024 * 1024;
  ServedEngine served(options);
  RawClient client = served.client();
  EXPECT_EQ(client.call({"SET", "a", std::string(60'000, 'v')}), "+OK\r\n");
  RawClient reader = served.client();
  const std::string request = encode_request({"GET", "a"});
  bool open = true;
  for (int i = 0; i < 20'000 && open; ++i) open = client.send(request);
  const std::string rest = client.drain();
  EXPECT_LT(rest.size(), 20'000u * 60'000u);
  EXPECT_TRUE(wait_until([&] { return served.server().stats().clients == 1; }));
  EXPECT_EQ(reader.call({"STRLEN", "a"}), ":60000\r\n") << "others do not suffer";
}

TEST(DataServerTest, ClientListAndKillKnowTheConnections) {
  ServedEngine served;
  RawClient me = served.client();
  RawClient other = served.client();
  EXPECT_EQ(other.call({"CLIENT", "SETNAME", "other"}), "+OK\r\n");
  EXPECT_EQ(other.call({"CLIENT", "SETINFO", "LIB-NAME", "lib"}), "+OK\r\n");
  const std::string id = other.call({"CLIENT", "ID"}).substr(1);
  const std::string list = me.call({"CLIENT", "LIST", "ID", id.substr(0, id.size() - 2)});
  EXPECT_NE(list.find(" name=other "), std::string::npos) << list;
  EXPECT_NE(list.find(" cmd=client|id "), std::string::npos) << list;
  EXPECT_NE(list.find(" lib-name=lib "), std::string::npos) << list;
  EXPECT_NE(list.find("laddr=127.0.0.1:" + std::to_string(served.port()) + " "), std::string::npos);
  EXPECT_EQ(me.call({"CLIENT", "KILL", "ID", id.substr(0, id.size() - 2)}), ":1\r\n");
  EXPECT_EQ(other.drain(), "");
  EXPECT_EQ(me.call({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"}), ":1\r\n");
  EXPECT_EQ(me.drain(), "") << "killed after its own reply";
}

TEST(DataServerTest, UnixSocketServesAndReplacesADeadOne) {
  const TemporaryDirectory directory;
  data::DataOptions options = test_options();
  options.unix_path = directory.file("data.sock");
  {
    ServedEngine served(options);
    RawClient client(options.unix_path);
    EXPECT_EQ(client.call({"AUTH", served.password()}), "+OK\r\n");
    struct stat info = {};
    ASSERT_EQ(::stat(options.unix_path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777u, 0660u) << "whatever the umask";
    EXPECT_NE(client.call({"CLIENT", "INFO"}).find("addr=" + options.unix_path + ":0"),
              std::string::npos);
    data::DataOptions second = options;
    const auto refused = data::DataServer::start(served.engine(), second);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::address_in_use);
  }
  {  // What a killed server leaves.
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    options.unix_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ServedEngine served(options);
  RawClient client(options.unix_path);
  EXPECT_EQ(client.call({"AUTH", served.password()}), "+OK\r\n");
}

TEST(DataServerTest, BadAddressesAreRefusedByName) {
  ServedEngine served;
  data::DataOptions options = test_options();
  for (const char* address : {"nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"}) {
    options.listen = address;
    const auto server = data::DataServer::start(served.engine(), options);
    ASSERT_FALSE(server.has_value()) << address;
    EXPECT_EQ(server.error().code, ErrorCode::invalid_configuration) << address;
  }
  options.listen = served.server().address();
  const auto taken = data::DataServer::start(served.engine(), options);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::address_in_use);
}

// The workers run in order and wait for locks: what is queued behind must not hold one.
TEST(DataServerTest, ATransactionThatTurnsOutBigDoesNotStopTheOnlyWorker) {
  data::DataOptions options = test_options();
  options.workers = 1;
  ServedEngine served(options);
  RawClient writer = served.client();
  RawClient second = served.client();
  RawClient transaction = served.client();
  RawClient observer = served.client();
  const auto running = [&](const std::string& name, const char* command) {
    const std::string list = observer.call({"CLIENT", "LIST"});
    const std::size_t at = list.find(" name=" + name + " ");
    return list.substr(at, list.find('\n', at) - at).find(command) != std::string::npos;
  };
  for (int round = 0; round < 8; ++round) {
    const std::string key = "big:" + std::to_string(round);  // not known to be big
    writer.call({"CLIENT", "SETNAME", "writer"});
    second.call({"CLIENT", "SETNAME", "second"});
    transaction.call({"MULTI"});
    transaction.call({"GET", key});
    // The worker writes; another write waits for the worker, the transaction for the first write.
    ASSERT_TRUE(writer.send(encode_request({"SET", key, std::string(48 * kMiB, 'v')})));
    ASSERT_TRUE(wait_until([&] { return running("writer", " cmd=set "); }));
    ASSERT_TRUE(second.send(encode_request({"SET", "other", std::string(300 * kKiB, 'v')})));
    ASSERT_TRUE(wait_until([&] { return running("second", " cmd=set "); }));
    ASSERT_TRUE(transaction.send(encode_request({"EXEC"})));
    ASSERT_EQ(writer.receive(), "+OK\r\n");
    ASSERT_EQ(second.receive(), "+OK\r\n") << "in round " << round;
    const auto executed = transaction.receive();
    ASSERT_TRUE(executed && executed->starts_with("*1\r\n$")) << "in round " << round;
  }
}

TEST(DataServerTest, StopEndsIdleAndBusyConnectionsAndReturns) {
  ServedEngine served;
  RawClient idle = served.client();
  RawClient busy = served.client();
  std::thread hammer([&] {
    while (busy.call({"INCR", "n"}) != "<closed>") {
    }
  });
  EXPECT_TRUE(wait_until([&] { return served.server().stats().commands > 100; }));
  const auto begin = steady_clock::now();
  served.server().stop();
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(10));
  hammer.join();
  EXPECT_EQ(idle.drain(), "");
  EXPECT_EQ(served.server().stats().clients, 0u);
}

TEST(DataServerTest, InfoHasItsSections) {
  ServedEngine served;
  RawClient client = served.client();
  client.call({"SET", "a", "1"});
  const std::string info = client.call({"INFO"});
  for (const char* part :
       {"# Server\r\nredis_version:7.0.15\r\n", "# Clients\r\nconnected_clients:1\r\n",
        "# Memory\r\nused_memory:", "# Persistence\r\nloading:0\r\n", "# Stats\r\n",
        "# Replication\r\nrole:master\r\n", "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n",
        "# Restore\r\ndatabase_id:", "operation_running:0\r\n"}) {
    EXPECT_NE(info.find(part), std::string::npos) << part << " in " << info;
  }
  const std::string one = client.call({"INFO", "replication"});
  EXPECT_EQ(one.find("# Server"), std::string::npos);
}

TEST(DataServerTest, BgsaveMakesABackupAndLastsaveTellsIt) {
  ServedEngine served;
  RawClient client = served.client();
  client.call({"SET", "a", "1"});
  const auto id = served.database().info.id;
  EXPECT_EQ(client.call({"BGSAVE"}), "+Background saving started\r\n");
  const auto completed = [&] {
    const auto backups = served.engine().backups(id);
    return backups && backups->size() == 1 && backups->front().status == BackupStatus::completed &&
           !served.engine().database(id)->operation;
  };
  ASSERT_TRUE(wait_until(completed));
  const auto saved = served.engine().backup_history(id).completed_at;
  ASSERT_TRUE(saved);
  EXPECT_GE(*saved, served.engine().backups(id)->front().created_at);
  EXPECT_EQ(client.call({"LASTSAVE"}), ":" + std::to_string(*saved / 1000) + "\r\n");
  EXPECT_EQ(client.call({"MULTI"}), "+OK\r\n");
  EXPECT_EQ(client.call({"BGSAVE"}), "+QUEUED\r\n");
  EXPECT_EQ(client.call({"EXEC"}), "*1\r\n+Background saving scheduled\r\n");
  EXPECT_TRUE(wait_until([&] { return served.engine().backups(id)->size() == 2; }));
}

TEST(DataServerTest, OthersAreServedWhileOneCountsKeys) {
  data::DataOptions options = test_options();
  options.threads = 1;  // everybody shares it
  ServedEngine served(options);
  RawClient loader = served.client();
  constexpr int keys = 60'000;
  std::string text;
  for (int i = 0; i < keys; ++i) {
    text += encode_request({"SET", "key:" + std::to_string(i), std::string(64, 'v')});
  }
  std::thread sender([&] { loader.send(text); });
  for (int i = 0; i < keys; ++i) ASSERT_EQ(loader.receive(), "+OK\r\n");
  sender.join();
  RawClient counter = served.client();
  RawClient other = served.client();
  // Each walk over all keys takes tens of milliseconds. On the thread that serves, one would let
  // no more than a round trip or two pass; how many pass beside it does not depend on how fast the
  // machine is, for what slows the one slows the other.
  constexpr int walks = 16;
  constexpr int round_trips_min = 10 * walks;
  std::string requests;
  for (int i = 0; i < walks; ++i) requests += encode_request({"KEYS", "*[x]*"});
  ASSERT_TRUE(counter.send(requests + encode_request({"DBSIZE"})));
  std::atomic<bool> counted = false;
  std::thread waiting([&] {
    for (int i = 0; i < walks; ++i) EXPECT_EQ(counter.receive(), "*0\r\n");
    EXPECT_EQ(counter.receive(), ":60000\r\n");
    counted = true;
  });
  int answered = 0;
  while (!counted && other.call({"PING"}) == "+PONG\r\n") ++answered;
  waiting.join();
  EXPECT_GE(answered, round_trips_min);
}

}  // namespace
}  // namespace restored::test
