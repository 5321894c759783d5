// A file of the operating system. For this module alone; everything else calls FileSystem::open.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "io/file_system.h"

namespace restored::io {

Result<std::unique_ptr<File>> open_posix_file(const std::string& path, Access access,
                                              Caching caching);

}  // namespace restored::io
