// What was secret in a request or an answer is not left in memory that was given back: looked for
// in a process of its own, where nobody but the client has had it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/random.h"
#include "base/secret_text.h"
#include "base/unique_fd.h"
#include "client_fixture.h"
#include "support/memory_scan.h"

namespace restored::net_test {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    out = UniqueFd(ends[0]);
    in = UniqueFd(ends[1]);
  }
  UniqueFd out;
  UniqueFd in;
};

constexpr std::size_t secret_bytes = 800;  // as long as a session token

std::string random_secret() {
  std::string made;
  while (made.size() < secret_bytes) made += std::to_string(random_u64());
  made.resize(secret_bytes);
  return made;
}

struct Told {
  std::uint16_t port = 0;
  std::array<char, secret_bytes> kept{};  // shows that what is kept is found
};

void read_all(int fd, std::span<char> into) {
  for (std::size_t at = 0; at < into.size();) {
    const ssize_t got = ::read(fd, into.data() + at, into.size() - at);
    if (got <= 0) ::_exit(1);
    at += static_cast<std::size_t>(got);
  }
}

// Asks until the server has no more answers, and then waits to be looked at.
[[noreturn]] void be_the_client(int told_fd, int done_fd) {
  static Told told;
  read_all(told_fd, {reinterpret_cast<char*>(&told), sizeof told});
  SecretText token = SecretText::of_size(secret_bytes);
  read_all(told_fd, token.bytes());
  auto client = HttpClient::make(options_for(told.port));
  if (!client) ::_exit(1);
  for (bool ended = false; !ended;) {
    net::Request asked;
    asked.method = "PUT";
    asked.target = "/latest/api/token";
    asked.headers.emplace_back("Host", "store.test");
    asked.headers.emplace_back("x-token", token.view());
    auto answer = (*client)->send(asked, collect(16 << 10), usual_limits, {});
    wipe(asked.headers.back().second);
    if (!answer) continue;
    ended = answer->head.status == 204;
    wipe(answer->body);
  }
  if (::write(done_fd, "x", 1) != 1) ::_exit(1);
  char none = 0;
  static_cast<void>(::read(told_fd, &none, 1));
  ::_exit(0);
}

std::string chunked(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n320\r\n" + body + "\r\n0\r\n\r\n";
}

TEST(SecretsTest, NothingOfARequestOrAnAnswerStaysInMemory) {
  Pipe told_pipe;
  Pipe done_pipe;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    told_pipe.in.reset();
    be_the_client(told_pipe.out.get(), done_pipe.in.get());
  }
  told_pipe.out.reset();
  done_pipe.in.reset();
  const std::string token = random_secret();
  const std::string answered = random_secret();
  const std::string kept = random_secret();
  static_assert(secret_bytes == 0x320);
  const std::vector<std::string> answers{
      ok(answered),
      chunked(answered),
      "HTTP/1.1 200 OK\r\n\r\n" + answered,
      chunked(answered).substr(0, 700),  // cut short: the client has no answer to wipe
      "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + answered,
      "HTTP/1.1 204 No Content\r\n\r\n"};
  const ScriptedServer server([&](Peer& peer) {
    if (peer.read_head().find(token) == std::string::npos) ADD_FAILURE() << "no token";
    peer.send(answers.at(std::min<std::size_t>(peer.index(), answers.size() - 1)));
  });
  Told told;
  told.port = server.port();
  std::ranges::copy(kept, told.kept.begin());
  const std::string begin(reinterpret_cast<const char*>(&told), sizeof told);
  EXPECT_EQ(::write(told_pipe.in.get(), (begin + token).data(), begin.size() + token.size()),
            static_cast<ssize_t>(begin.size() + token.size()));
  char done = 0;
  EXPECT_EQ(::read(done_pipe.out.get(), &done, 1), 1);
  EXPECT_EQ(server.connections(), answers.size());
  // The beginning of a block that was freed is overwritten by the allocator; and on the stack there
  // may be the registers that a copy went through, as the dynamic linker saves them.
  const auto places = [&](const std::string& text) {
    auto found = test::dumpable_places_of(text.substr(secret_bytes / 2, 64), child);
    std::erase_if(found, [](const std::string& place) { return place.ends_with("[stack]"); });
    return found;
  };
  EXPECT_THAT(places(kept), testing::Not(testing::IsEmpty()));
  EXPECT_THAT(places(token), testing::IsEmpty());
  EXPECT_THAT(places(answered), testing::IsEmpty());
  told_pipe.in.reset();
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace restored::net_test
