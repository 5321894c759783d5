// Repository URLs to object stores. Drivers: file (file_store), s3 (s3_store).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/store_options.h"

namespace restored::io {
class FileSystem;
class IoQueue;
}  // namespace restored::io

namespace restored::store {

// The directory that file:///absolute/directory names. Errors: invalid_configuration.
Result<std::string> directory_of(std::string_view url);

enum class Use : std::uint8_t { reading_and_writing, reading };

// file:///absolute/directory; the directory is made if it is missing, and looked after, unless it
// is opened for reading. `queue` (may be null) carries large aligned reads; both outlive the store.
// s3://bucket/prefix; nothing is sent before the first call.
// Errors: invalid_configuration (unknown scheme, relative path), and those of the driver's open().
Result<std::unique_ptr<ObjectStore>> open_store(std::string_view url, io::FileSystem& files,
                                                io::IoQueue* queue,
                                                const StoreOptions& options = {},
                                                Use use = Use::reading_and_writing);

}  // namespace restored::store
