// SST files to the rows that are in them, by RocksDB alone.
#pragma once

#include <stop_token>
#include <string>

#include "format/manifest.h"
#include "restored/content_digest.h"
#include "restored/error.h"

namespace restored::deep {

// Reads every row that the files in `directory`/files, named as in the manifest, make together:
// what is overwritten or deleted in a newer one is none. Makes `directory`/database.
// Errors: corruption (a block's checksum differs, files that do not fit together), storage_engine,
// no_space, io_error, cancelled.
Result<ContentFacts> read_rows(const std::string& directory, const format::Manifest& manifest,
                               UnixMillis as_of, const std::stop_token& stop);

}  // namespace restored::deep
