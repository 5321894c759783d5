// A Redis client that hides nothing: it sends bytes and returns the bytes of one reply. Blocking,
// bounded in time, loopback or unix socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace restored::test {

using Words = std::vector<std::string>;

std::string encode_request(const Words& words);

class RawClient {
 public:
  // Aborts the test process when it cannot connect: the server is the fixture's.
  explicit RawClient(std::uint16_t port);
  explicit RawClient(const std::string& unix_path);

  // False: the peer has gone.
  bool send(std::string_view bytes);
  // The next whole reply, nested ones included; nothing at the end of the stream, or (with a
  // failure of the test) when 20 s pass without a byte.
  std::optional<std::string> receive();
  // "<closed>" when the connection ended.
  std::string call(const Words& words);
  std::string inline_call(std::string_view line);
  // What comes until the peer closes.
  std::string drain();
  void finish_sending();
  int fd() const { return fd_.get(); }

 private:
  bool fill();
  std::optional<std::size_t> reply_end(std::size_t begin);
  std::optional<std::size_t> line_end(std::size_t begin);

  UniqueFd fd_;
  std::string pending_;
};

}  // namespace restored::test
