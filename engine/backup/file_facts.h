// An SST file in the catalog's words and in the manifest's: the same facts, both ways.
#pragma once

#include "catalog/database.h"
#include "format/manifest.h"

namespace restored::backup {

format::SstIdentity identity_of(const catalog::FileFacts& facts);

// Without what follows from the frames (content, lengths, hashes).
format::ManifestFile manifest_file(const catalog::FileFacts& facts);
catalog::FileFacts file_facts(const format::ManifestFile& file);

}  // namespace restored::backup
