// A file of the operating system. For this module alone; everything else calls FileSystem::open.
#pragma once

#include <memory>
#include <string>

#include "io/file_system.h"

namespace restored::io {

Result<std::unique_ptr<File>> open_posix_file(const std::string& path, Access access,
                                              Caching caching);

}  // namespace restored::io
