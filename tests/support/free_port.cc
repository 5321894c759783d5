#include "free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <random>

#include "base/check.h"
#include "base/unique_fd.h"

namespace restored::test {
namespace {

constexpr std::uint16_t first = 10'000;
constexpr std::uint16_t last = 19'999;
constexpr int attempts = 200;

bool is_free(std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

std::uint16_t free_port() {
  std::random_device random;
  std::uniform_int_distribution<std::uint16_t> port_of(first, last);
  std::uint16_t port = 0;
  int attempts_left = attempts;
  do {
    RESTORED_CHECK(attempts_left-- > 0, "a port of the loopback device is free");
    port = port_of(random);
  } while (!is_free(port));
  return port;
}

}  // namespace restored::test
