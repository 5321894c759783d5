// One object of a repository to the file that it is of, as `zstd -d` would do it.
#pragma once

#include <stop_token>
#include <string>

#include "format/frame.h"
#include "format/manifest.h"
#include "io/file_system.h"
#include "restored/object_store.h"

namespace restored::deep {

// Writes the content of `file` into the new file at `path`. What is sealed (with a key) is opened
// frame by frame, by the lengths in the object's own seek table: that of a backup may be of before
// the object was written again.
// Errors, naming object and file: corruption, store errors, no_space, io_error.
Result<void> decode_object(ObjectStore& store, const format::ManifestFile& file,
                           const format::DataKey* key, const std::string& path,
                           const StoreCall& call);

}  // namespace restored::deep
