#include "activation.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace restored::agent {
namespace {

// "unknown" is what the manager calls a socket without FileDescriptorName=.
bool is_for_control(std::string_view name) {
  return name == "control" || name == "unknown" || name.ends_with(".socket") || name.empty();
}

struct FreeNames {
  void operator()(char** names) const {
    for (char** name = names; name != nullptr && *name != nullptr; ++name) std::free(*name);
    std::free(names);
  }
};

}  // namespace

Result<std::vector<int>> passed_control_sockets() {
  char** raw = nullptr;
  const int count = ::sd_listen_fds_with_names(/*unset_environment=*/1, &raw);
  const std::unique_ptr<char*, FreeNames> names(raw);
  if (count < 0) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("the sockets of the service manager: {}", std::strerror(-count)));
  }
  std::vector<int> sockets;
  for (int index = 0; index < count; ++index) {
    const int fd = SD_LISTEN_FDS_START + index;
    const std::string_view name = raw[index];
    if (!is_for_control(name)) {
      return fail(ErrorCode::invalid_configuration,
                  fmt::format("the service manager passes a socket \"{}\"", name),
                  "Only the control socket can be passed: FileDescriptorName=control.");
    }
    if (::sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, /*listening=*/1) <= 0) {
      return fail(ErrorCode::invalid_configuration,
                  fmt::format("descriptor {} of the service manager does not listen", fd),
                  "The socket unit needs ListenStream= and Accept=no.");
    }
    sockets.push_back(fd);
  }
  return sockets;
}

}  // namespace restored::agent
