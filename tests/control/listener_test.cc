#include "control/listener.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "control_test.h"

namespace restored::control {
namespace {

class ListenerTest : public testing::Test {
 protected:
  std::string path() const { return directory_.file("s"); }
  Result<Listener> listen() const { return listen_on("unix:" + path(), options_); }

  test::TemporaryDirectory directory_;
  ControlOptions options_;
};

TEST_F(ListenerTest, TheSocketFileHasItsModeAndLeavesWithItsOwner) {
  auto listener = listen();
  ASSERT_TRUE(listener) << listener.error().message;
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777, 0660u);
  EXPECT_EQ(listener->address, "unix:" + path());
  remove_file(*listener);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(ListenerTest, TheGroupIsSet) {
  const group* own = ::getgrgid(::getgid());
  ASSERT_NE(own, nullptr);
  options_.unix_group = own->gr_name;
  ASSERT_TRUE(listen());
  options_.unix_group = "no-such-group-here";
  const auto refused = listen_on("unix:" + directory_.file("other"), options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_configuration);
  EXPECT_NE(refused.error().message.find("no-such-group-here"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(directory_.file("other"))) << "nothing is left behind";
}

TEST_F(ListenerTest, AStaleSocketIsReplaced) {
  listen();  // the descriptor closes, the file stays, as after SIGKILL
  ASSERT_TRUE(std::filesystem::exists(path()));
  const auto again = listen();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(RawClient("unix:" + path()).connected());
}

TEST_F(ListenerTest, ALiveSocketIsLeftAlone) {
  const auto first = listen();
  ASSERT_TRUE(first);
  const auto second = listen();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::address_in_use);
  EXPECT_TRUE(RawClient("unix:" + path()).connected());
}

TEST_F(ListenerTest, AFileThatIsNoSocketIsLeftAlone) {
  test::write_file(path(), "precious");
  const auto refused = listen();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_configuration);
  EXPECT_EQ(test::read_whole_file(path()), "precious");
}

TEST_F(ListenerTest, ASuccessorsSocketIsNotRemoved) {
  const auto first = listen();
  ASSERT_TRUE(first);
  ASSERT_EQ(::unlink(path().c_str()), 0);  // somebody cleaned up by hand
  const auto second = listen();
  ASSERT_TRUE(second);
  remove_file(*first);
  EXPECT_TRUE(RawClient("unix:" + path()).connected());
}

TEST_F(ListenerTest, APathTooLongSaysByHowMuch) {
  const std::string longer = "/" + std::string(107, 'x');
  const auto refused = listen_on("unix:" + longer, options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_configuration);
  EXPECT_NE(refused.error().message.find("108 bytes"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find("107"), std::string::npos);
}

TEST_F(ListenerTest, MalformedAddressesAreConfigurationErrors) {
  for (const char* address :
       {"", "unix:", "unix:relative", "/run/x", "tcp:", "tcp:127.0.0.1", "tcp::80",
        "tcp:x:", "tcp:127.0.0.1:65536", "tcp:127.0.0.1:-1", "tcp:127.0.0.1:8o",
        "http://127.0.0.1:1", "tcp:no.such.host.invalid:1", "unix:/no/such/directory/s"}) {
    const auto refused = listen_on(address, options_);
    ASSERT_FALSE(refused) << address;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_configuration) << address;
    EXPECT_FALSE(refused.error().message.empty());
  }
}

TEST_F(ListenerTest, TcpTakesAnyFreePortAndNamesIt) {
  const auto listener = listen_on("tcp:127.0.0.1:0", options_);
  ASSERT_TRUE(listener);
  EXPECT_TRUE(listener->address.starts_with("tcp:127.0.0.1:"));
  EXPECT_NE(listener->address, "tcp:127.0.0.1:0");
  const auto again = listen_on(listener->address, options_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::address_in_use);
}

TEST_F(ListenerTest, OtherHostsNeedPermission) {
  for (const char* address : {"tcp:0.0.0.0:0", "tcp:[::]:0"}) {
    const auto refused = listen_on(address, options_);
    ASSERT_FALSE(refused) << address;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_configuration);
    EXPECT_NE(refused.error().message.find("clear"), std::string::npos);
  }
  options_.allow_remote_plaintext = true;
  EXPECT_TRUE(listen_on("tcp:0.0.0.0:0", options_));
}

TEST_F(ListenerTest, AnInheritedSocketServesAndItsFileStays) {
  auto made = listen();
  ASSERT_TRUE(made);
  const auto adopted = adopt(made->fd.release(), options_);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->address, "unix:" + path());
  EXPECT_TRUE(RawClient("unix:" + path()).connected());
  remove_file(*adopted);
  EXPECT_TRUE(std::filesystem::exists(path()));
}

class ServerStartTest : public ControlTest {};

TEST_F(ServerStartTest, NoAddressIsLeftBehindWhenOneFails) {
  ControlOptions options;
  options.listen = {"unix:" + directory_.file("second"), "unix:" + socket_path()};
  const auto refused = ControlServer::start(*engine_, options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::address_in_use);
  EXPECT_FALSE(std::filesystem::exists(directory_.file("second")));
  options.listen = {};
  EXPECT_EQ(ControlServer::start(*engine_, options).error().code, ErrorCode::invalid_configuration);
}

TEST_F(ServerStartTest, OperationsKnowWhoAskedForThem) {
  const DatabaseId database = make_database("asked");
  const HttpAnswer answer = post("/v1/databases/" + database.value + "/backups", "{}");
  EXPECT_EQ(ended_operation_of(answer).principal.find(
                "token:admin uid=" + std::to_string(::getuid()) + " pid="),
            0u);
}

}  // namespace
}  // namespace restored::control
