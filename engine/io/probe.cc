// Whether io_uring may be used here, asked of the kernel once.
#include <fmt/format.h>
#include <liburing.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <system_error>

#include "io/io_queue.h"

namespace restored::io {
namespace {

constexpr const char* disabled_setting = "/proc/sys/kernel/io_uring_disabled";

// 0: allowed, 1: only with CAP_SYS_ADMIN or kernel.io_uring_group, 2: nobody. Kernels before 6.6
// have no such setting.
int disabled_level() {
  std::ifstream setting(disabled_setting);
  int level = 0;
  return setting >> level ? level : 0;
}

std::string refusal(int error) {
  switch (error) {
    case ENOSYS:
      return "the kernel has no io_uring (or a seccomp filter hides it): use Linux 5.11 "
             "or newer, and a container profile that allows io_uring_setup";
    case EPERM:
      if (const int level = disabled_level(); level > 0) {
        return fmt::format(
            "the sysctl kernel.io_uring_disabled is {}: set it to 0{}", level,
            level == 1 ? ", or put the agent's group into kernel.io_uring_group" : "");
      }
      return "io_uring_setup is not permitted (a seccomp filter of the container or of the unit): "
             "allow io_uring_setup, io_uring_enter and io_uring_register";
    case ENOMEM:
      return "no memory for a ring: on kernels before 5.12 raise RLIMIT_MEMLOCK (LimitMEMLOCK= of "
             "the unit)";
    case EMFILE:
    case ENFILE:
      return "no file descriptor for a ring: raise LimitNOFILE= of the unit";
    default:
      return fmt::format("io_uring_setup: {} (errno {})", std::generic_category().message(error),
                         error);
  }
}

struct ProbeDeleter {
  void operator()(::io_uring_probe* found) const { ::io_uring_free_probe(found); }
};

Probe ask() {
  ::io_uring ring = {};
  ::io_uring_params parameters = {};
  const int error = -::io_uring_queue_init_params(4, &ring, &parameters);
  if (error != 0) return {false, refusal(error)};
  const std::unique_ptr<::io_uring_probe, ProbeDeleter> found(::io_uring_get_probe_ring(&ring));
  Probe answer{true, ""};
  // EXT_ARG: waiting with a timeout and no request for it. NODROP: no completion is ever lost.
  constexpr unsigned wanted = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
  if ((parameters.features & wanted) != wanted || !found) {
    answer = {false, "the kernel's io_uring is too old: use Linux 5.11 or newer"};
  } else {
    for (const int operation :
         {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED}) {
      if (!::io_uring_opcode_supported(found.get(), operation)) {
        answer = {false, "the kernel's io_uring lacks reads and writes: use Linux 5.11 or newer"};
      }
    }
  }
  ::io_uring_queue_exit(&ring);
  return answer;
}

}  // namespace

const Probe& probe() {
  static const Probe answer = ask();
  return answer;
}

}  // namespace restored::io
