// Repository URLs to object stores. Drivers: file (file_store), later s3.
#pragma once

#include <memory>
#include <string_view>

#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/store_options.h"

namespace restored::io {
class FileSystem;
class IoQueue;
}  // namespace restored::io

namespace restored::store {

// file:///absolute/directory; the directory is made if it is missing. `queue` (may be null)
// carries large aligned reads; both outlive the store.
// Errors: invalid_configuration (unknown scheme, relative path), and the file system's.
Result<std::unique_ptr<ObjectStore>> open_store(std::string_view url, io::FileSystem& files,
                                                io::IoQueue* queue, const StoreOptions& options = {});

}  // namespace restored::store
