// Every wait of a request ends: when it is told to stop, when nothing moves, at the deadline.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/unique_fd.h"
#include "client_fixture.h"
#include "support/wait_until.h"

namespace restored::net_test {
namespace {

// A port that takes no connection and refuses none: its backlog is full.
class DeafPort {
 public:
  DeafPort() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const plain = reinterpret_cast<sockaddr*>(&address_);
    socklen_t length = sizeof address_;
    EXPECT_EQ(::bind(listener_.get(), plain, length), 0);
    EXPECT_EQ(::listen(listener_.get(), 0), 0);
    EXPECT_EQ(::getsockname(listener_.get(), plain, &length), 0);
    for (int count = 0; count < 64; ++count) {
      UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(fd.get(), plain, length);
      pollfd polled{fd.get(), POLLOUT, 0};
      const bool taken = ::poll(&polled, 1, 200) == 1;
      fillers_.push_back(std::move(fd));
      if (!taken) return;
    }
    ADD_FAILURE() << "the backlog never filled";
  }
  std::uint16_t port() const { return ntohs(address_.sin_port); }

 private:
  UniqueFd listener_;
  sockaddr_in address_{};
  std::vector<UniqueFd> fillers_;
};

// Runs the request, stops it once `reached`, and expects it to end within a second of that.
void expect_stoppable(HttpClient& client, const net::Request& asked, const net::Target& target,
                      const std::function<bool()>& reached) {
  std::stop_source source;
  auto running = std::async(std::launch::async, [&] {
    return client.send(asked, target, {60s, 60s, 60s}, source.get_token());
  });
  ASSERT_TRUE(test::wait_until(reached));
  // So that it most likely waits already; either way it has to end.
  std::this_thread::sleep_for(30ms);
  const Stopwatch watch;
  source.request_stop();
  const Answer answer = running.get();
  EXPECT_LT(watch.elapsed(), 1s);
  expect_failure(answer, Kind::cancelled, "127.0.0.1:");
}

TEST(HttpWaitTest, AStopEndsConnecting) {
  const DeafPort port;
  const auto client = make_client(options_for(port.port()));
  expect_stoppable(*client, request("GET"), collect(), [] { return true; });
}

TEST(HttpWaitTest, AStopEndsWaitingForTheAnswer) {
  std::atomic<bool> asked = false;
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    asked = true;
    peer.wait_for_end();
  });
  const auto client = client_for(server);
  expect_stoppable(*client, request("GET"), collect(), [&] { return asked.load(); });
}

TEST(HttpWaitTest, AStopEndsABody) {
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n" + pattern(1 << 20));
    peer.wait_for_end();
  });
  const auto client = client_for(server);
  Body body(8 << 20);
  std::atomic<std::size_t> arrived = 0;
  net::Target target = body.target();
  target.arrived = [&](std::size_t bytes) { arrived += bytes; };
  expect_stoppable(*client, request("GET"), target, [&] { return arrived == 1u << 20; });
}

TEST(HttpWaitTest, AStopEndsARequestThatNeverHasToWait) {
  const std::string sent(512 << 20, 'x');
  std::atomic<std::size_t> read = 0;
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    while (const std::size_t bytes = peer.read(1 << 16).size()) read += bytes;
  });
  const auto client = client_for(server);
  std::stop_source source;
  auto running = std::async(std::launch::async, [&] {
    return client->send(request("PUT", std::as_bytes(std::span(sent))), collect(), usual_limits,
                        source.get_token());
  });
  ASSERT_TRUE(test::wait_until([&] { return read > 0; }));
  source.request_stop();
  const Stopwatch watch;
  expect_failure(running.get(), Kind::cancelled);
  EXPECT_LT(watch.elapsed(), 1s);
}

TEST(HttpWaitTest, AStopEndsSendingToAServerThatDoesNotRead) {
  const std::string sent(64 << 20, 'x');
  std::atomic<bool> asked = false;
  std::atomic<bool> over = false;
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    asked = true;
    test::wait_until([&] { return over.load(); });
  });
  const auto client = client_for(server);
  expect_stoppable(*client, request("PUT", std::as_bytes(std::span(sent))), collect(),
                   [&] { return asked.load(); });
  over = true;
}

TEST(HttpWaitTest, AStopBeforeTheRequestSendsNothing) {
  const ScriptedServer server(always(ok("")));
  const auto client = client_for(server);
  std::stop_source source;
  source.request_stop();
  expect_failure(ask(*client, collect(), usual_limits, source.get_token()), Kind::cancelled);
  EXPECT_EQ(server.connections(), 0u);
}

TEST(HttpWaitTest, AConnectionOfAStoppedRequestIsNotUsedAgain) {
  std::atomic<bool> asked = false;
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    if (peer.index() > 0) {
      peer.send(ok("second"));
    } else {
      asked = true;
      peer.wait_for_end();
    }
  });
  const auto client = client_for(server);
  expect_stoppable(*client, request("GET"), collect(), [&] { return asked.load(); });
  const auto next = ask(*client);
  ASSERT_TRUE(next.has_value()) << next.error().message;
  EXPECT_EQ(next->body, "second");
}

TEST(HttpWaitTest, ConnectingIsBounded) {
  const DeafPort port;
  const Stopwatch watch;
  expect_failure(ask(*make_client(options_for(port.port())), collect(), {300ms, 10s, 20s}),
                 Kind::connect_failed, "timed out while connecting");
  EXPECT_GE(watch.elapsed(), 290ms);
  EXPECT_LT(watch.elapsed(), 3s);
}

TEST(HttpWaitTest, ARefusedConnectionSaysSo) {
  std::uint16_t port = 0;
  {
    const ScriptedServer gone(once(""));
    port = gone.port();
  }
  const auto answer = ask(*make_client(options_for(port)));
  expect_failure(answer, Kind::connect_failed);
  EXPECT_EQ(answer.error().message, "127.0.0.1:" + std::to_string(port) + ": connection refused");
}

TEST(HttpWaitTest, ASilentServerIsLeftAtTheStallLimit) {
  const ScriptedServer server([](Peer& peer) {
    peer.read_head();
    peer.wait_for_end();
  });
  const Stopwatch watch;
  expect_failure(ask(*client_for(server), collect(), {5s, 300ms, 20s}), Kind::timed_out,
                 "no byte moved for 0.3 s while waiting for the answer");
  EXPECT_GE(watch.elapsed(), 290ms);
  EXPECT_LT(watch.elapsed(), 3s);
}

TEST(HttpWaitTest, AStalledBodyIsLeftAtTheStallLimitWithWhatArrived) {
  const std::string part = pattern(300'000);
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n" + part);
    peer.wait_for_end();
  });
  Body body(8 << 20);
  expect_failure(ask(*client_for(server), body.target(), {5s, 300ms, 20s}), Kind::timed_out,
                 "no byte moved for 0.3 s while reading the answer");
  EXPECT_EQ(body.arrived, part.size());
  EXPECT_TRUE(body.text().substr(0, part.size()) == part);
}

// A reader that is woken for larger parts only, because the first ones came fast, still gets all.
TEST(HttpWaitTest, AStalledBodyBehindAFastOneIsReadToItsLastByte) {
  const std::string fast = pattern(64 << 20);
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 134217728\r\n\r\n");
    for (std::size_t at = 0; at < fast.size(); at += 1 << 20) peer.send(fast.substr(at, 1 << 20));
    for (int count = 0; count < 5; ++count) {
      std::this_thread::sleep_for(150ms);
      peer.send(fast.substr(0, 5'000));
    }
    peer.wait_for_end();
  });
  Body body(128 << 20);
  expect_failure(ask(*client_for(server), body.target(), {5s, 400ms, 20s}), Kind::timed_out,
                 "no byte moved for 0.4 s while reading the answer");
  EXPECT_EQ(body.arrived, fast.size() + 25'000);
}

TEST(HttpWaitTest, AServerThatDoesNotReadIsLeftAtTheStallLimit) {
  const std::string sent(64 << 20, 'x');
  std::atomic<bool> over = false;
  const ScriptedServer server([&](Peer& peer) {
    peer.read_head();
    test::wait_until([&] { return over.load(); });
  });
  expect_failure(client_for(server)->send(request("PUT", std::as_bytes(std::span(sent))), collect(),
                                          {5s, 300ms, 20s}, {}),
                 Kind::timed_out, "no byte moved for 0.3 s while sending the request");
  over = true;
}

// A byte now and then is progress; the deadline ends it.
TEST(HttpWaitTest, TricklingBytesLastUntilTheDeadline) {
  for (const char* head :
       {"HTTP/1.1 200 OK\r\nX-", "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n"}) {
    const ScriptedServer server([head](Peer& peer) {
      peer.read_head();
      peer.send(head);
      while (peer.send("x")) std::this_thread::sleep_for(50ms);
    });
    Body body(8 << 20);
    const Stopwatch watch;
    expect_failure(ask(*client_for(server), body.target(), {5s, 250ms, 600ms}), Kind::timed_out,
                   "past the deadline of 0.6 s");
    EXPECT_GE(watch.elapsed(), 590ms);
    EXPECT_LT(watch.elapsed(), 4s);
    if (std::string_view(head).ends_with("\r\n\r\n")) {
      EXPECT_GE(body.arrived, 3u);
    }
  }
}

}  // namespace
}  // namespace restored::net_test
