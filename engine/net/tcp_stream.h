// One TCP connection: its making, and its bytes as they are.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "net/patience.h"
#include "net/stream.h"

namespace restored::net {

struct Address {
  sockaddr_storage socket{};
  socklen_t length = 0;

  std::string text() const;  // without the port: "10.0.0.7"
  bool operator==(const Address& other) const;
};

// Empty: the text is no address.
std::vector<Address> literal_address(const std::string& host, std::uint16_t port);

// "connection refused"
std::string errno_text(int error);

class TcpStream final : public Stream {
 public:
  // Kinds: connect_failed, timed_out (the request's own limits), cancelled.
  static std::expected<TcpStream, Failure> connect(const Address& address, Patience& patience,
                                                   Time until);

  Step read(std::span<std::byte> into) override;
  void expect(std::size_t bytes) override;
  Step write(std::span<const std::byte> from) override;
  int fd() const override { return fd_.get(); }
  bool quiet() const override;

 private:
  explicit TcpStream(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  std::size_t wakes_at_ = 1;             // SO_RCVLOWAT as it stands
  std::size_t affordable_ = 1;           // the most that it may be
  std::optional<std::size_t> unlooked_;  // read since the receive buffer was looked at
};

}  // namespace restored::net
