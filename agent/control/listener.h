// Listening sockets: unix and TCP, made here or inherited.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "control/server.h"

namespace restored::control {

// A socket that listens. Its file, if it has one, is ours until remove_file().
struct Listener {
  UniqueFd fd;
  int family = 0;       // AF_UNIX, AF_INET, AF_INET6
  std::string address;  // as in ControlOptions::listen, with the chosen port
  std::string path;     // of a unix socket that we made
  dev_t device = 0;
  ino_t inode = 0;
};

// Errors: as ControlServer::start.
Result<Listener> listen_on(std::string_view address, const ControlOptions& options);
// Takes a socket that already listens; its file is not ours.
Result<Listener> adopt(int fd, const ControlOptions& options);
// Only if the file is still the one that was made. REQUIRES: it still listens, which keeps its
// inode from being given to another file.
void remove_file(const Listener& listener);

// Who is at the other end of an accepted socket: "uid=0 pid=123" or "peer=127.0.0.1:4711".
std::string describe_peer(int fd, int family);

}  // namespace restored::control
