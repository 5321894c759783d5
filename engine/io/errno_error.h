// Translation of errno, for this module alone: everything else sees ErrorCode.
#pragma once

#include <string_view>

#include "restored/error.h"

namespace restored::io {

// "<call> <path>: No space left on device (errno 28)", and for the cases that need it a hint.
Error errno_error(int error, std::string_view call, std::string_view path);

inline std::unexpected<Error> fail_errno(int error, std::string_view call, std::string_view path) {
  return std::unexpected<Error>(errno_error(error, call, path));
}

// "<path> ends before ..." when fewer bytes are there than were asked for.
Error short_file_error(std::string_view path, std::uint64_t offset, std::uint64_t wanted_bytes,
                       std::uint64_t read_bytes);

}  // namespace restored::io
