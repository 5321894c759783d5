// s3-fault-server: the server as a process of its own, for benches and for looking at by hand.
// Prints its endpoint, runs until SIGTERM, SIGINT or the end of standard input, then prints what it
// was asked.
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "s3_server/fault_server.h"

namespace {

using namespace restored::s3_server;

constexpr const char* usage =
    "usage: s3-fault-server [option...]\n"
    "  --port N             0: any free one\n"
    "  --upstream HOST:PORT stand before this server\n"
    "  --bucket NAME        make it (without an upstream)\n"
    "  --delay-ms N         before each answer\n"
    "  --concurrent-max N   more at once: 503 SlowDown\n"
    "  --seed N             of the faults\n"
    "  --stall-ms N         how long a stall lasts\n"
    "  NAME=P               a fault and its probability, such as slow_down=0.2\n";

struct Settings {
  ServerOptions server;
  std::vector<std::string> buckets;
  FaultMix mix;
  std::uint64_t seed = 1;
};

bool set(Settings& settings, const std::string& option, const std::string& value) {
  const auto number = std::strtoull(value.c_str(), nullptr, 10);
  if (option == "--port")
    settings.server.port = static_cast<std::uint16_t>(number);
  else if (option == "--upstream")
    settings.server.upstream = value;
  else if (option == "--bucket")
    settings.buckets.push_back(value);
  else if (option == "--delay-ms")
    settings.server.delay = std::chrono::milliseconds(number);
  else if (option == "--concurrent-max")
    settings.server.concurrent_max = static_cast<unsigned>(number);
  else if (option == "--seed")
    settings.seed = number;
  else if (option == "--stall-ms")
    settings.mix.stall = std::chrono::milliseconds(number);
  else
    return false;
  return true;
}

bool parse(int count, char** words, Settings& settings) {
  for (int at = 1; at < count; ++at) {
    const std::string word = words[at];
    const std::size_t equals = word.find('=');
    if (!word.starts_with("--") && equals != std::string::npos) {
      const auto fault = fault_named(word.substr(0, equals));
      if (!fault) return false;
      settings.mix[*fault] = std::strtod(word.c_str() + equals + 1, nullptr);
    } else if (at + 1 == count || !set(settings, word, words[++at])) {
      return false;
    }
  }
  return true;
}

// An end of standard input counts only where somebody holds it: a pipe.
void wait_for_end(int signals) {
  pollfd ends[2] = {{signals, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  for (;;) {
    if (::poll(ends, 2, -1) < 0 || ends[0].revents != 0) return;
    char byte = 0;
    if (ends[1].revents != 0 && ::read(STDIN_FILENO, &byte, 1) <= 0) return;
  }
}

}  // namespace

int main(int count, char** words) {
  Settings settings;
  if (!parse(count, words, settings)) {
    std::fputs(usage, stderr);
    return 64;
  }
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int signals = ::signalfd(-1, &ends, SFD_CLOEXEC);
  const auto server = FaultServer::start(settings.server);
  if (!server) return 71;
  for (const std::string& bucket : settings.buckets) server->objects().make_bucket(bucket);
  server->set_faults(settings.mix, settings.seed);
  fmt::print("endpoint={}\n", server->endpoint());
  std::fflush(stdout);
  wait_for_end(signals);
  for (std::size_t kind = 0; kind < kind_count; ++kind)
    fmt::print("{} {}\n", name(static_cast<Kind>(kind)), server->count(static_cast<Kind>(kind)));
  fmt::print("connections {}\n", server->connections());
  return 0;
}
