// The operator's keys, from the files that the options name.
#pragma once

#include <vector>

#include "format/data_key.h"
#include "restored/encryption_options.h"
#include "restored/error.h"

namespace restored::restore {

// The one to wrap with first. Errors, naming the setting and the file, never what is in it:
// file_not_found, permission_denied, io_error, invalid_configuration (no key in it, or a file that
// others than its owner may read).
Result<std::vector<format::WrappingKey>> read_wrapping_keys(const EncryptionOptions& options);

}  // namespace restored::restore
