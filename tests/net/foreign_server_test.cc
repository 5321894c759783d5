// A server that we did not write: Python's own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "base/unique_fd.h"
#include "client_fixture.h"
#include "support/temporary_directory.h"

namespace restored::net_test {
namespace {

class PythonServer {
 public:
  explicit PythonServer(const std::string& directory) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    output_ = UniqueFd(ends[0]);
    const UniqueFd input(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.get(), STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<std::string> words{"python3",   "-u",          "-m",       "http.server",
                                   "0",         "--protocol",  "HTTP/1.1", "--bind",
                                   "127.0.0.1", "--directory", directory};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (::posix_spawnp(&process_, "python3", &actions, nullptr, arguments.data(), environ) != 0) {
      process_ = -1;
    }
    posix_spawn_file_actions_destroy(&actions);
  }
  ~PythonServer() {
    if (process_ < 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  PythonServer(const PythonServer&) = delete;
  PythonServer& operator=(const PythonServer&) = delete;

  // From "Serving HTTP on 127.0.0.1 port 40123 ..."; 0: it did not start.
  std::uint16_t port() const {
    std::string text;
    while (text.find('\n') == std::string::npos) {
      pollfd polled{output_.get(), POLLIN, 0};
      std::array<char, 256> some{};
      if (::poll(&polled, 1, 20'000) != 1) return 0;
      const ssize_t got = ::read(output_.get(), some.data(), some.size());
      if (got <= 0) return 0;
      text.append(some.data(), static_cast<std::size_t>(got));
    }
    const auto word = text.find(" port ");
    if (word == std::string::npos) return 0;
    return static_cast<std::uint16_t>(std::atoi(text.c_str() + word + 6));
  }

 private:
  pid_t process_ = -1;
  UniqueFd output_;
};

TEST(ForeignServerTest, PythonServesFilesOverOneConnection) {
  const test::TemporaryDirectory directory;
  const std::string content = pattern(5'000'000);
  test::write_file(directory.file("object"), content);
  const PythonServer server(directory.path());
  const std::uint16_t port = server.port();
  ASSERT_NE(port, 0) << "python3 with http.server";
  const auto client = make_client(options_for(port));
  net::Request asked = request("HEAD");
  asked.target = "/object";
  const auto head = client->send(asked, collect(), usual_limits, {});
  ASSERT_TRUE(head.has_value()) << head.error().message;
  EXPECT_EQ(head->head.content_length, content.size());
  asked.method = "GET";
  Body body(content.size());
  const auto answer = client->send(asked, body.target(), usual_limits, {});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_TRUE(body.text() == content);
  EXPECT_EQ(client->connections_made(), 1u);
  asked.target = "/missing";
  const auto missing = client->send(asked, collect(), usual_limits, {});
  ASSERT_TRUE(missing.has_value()) << missing.error().message;
  EXPECT_EQ(missing->head.status, 404u);
  EXPECT_NE(missing->body.find("File not found"), std::string::npos);
}

}  // namespace
}  // namespace restored::net_test
