// The catalog: one record in the default column family that says which generation is live. Its
// synced write is the swap (SWAP.md). Text, for people with a hex editor:
//
//   restored-catalog <version> <CRC-32C of what follows the newline, 8 hexadecimal digits>\n
//   {"live": 3, ...}
#pragma once

#include <string>
#include <string_view>

#include "catalog/database.h"
#include "restored/error.h"

namespace restored::catalog {

inline constexpr int catalog_record_version = 1;
inline constexpr std::string_view catalog_record_key = "catalog";
inline constexpr std::size_t base_backups_max = 4;

struct CatalogRecord {
  CatalogState state;
  // Every generation number below this one may have been used; numbers are reserved in groups, so
  // a crash skips some.
  GenerationNumber numbers_end = 0;
};

// What must hold of every record that is written or read; the first thing that does not, else
// nothing. Written records are checked (our mistake), read ones refused (the disk's).
std::optional<std::string_view> broken_rule(const CatalogRecord& record);

// There is nothing to undo from here on.
void forget_previous(CatalogState& state);

// REQUIRES: no rule is broken.
std::string encode(const CatalogRecord& record);
// Errors: corruption, unsupported_format (written by a newer version).
Result<CatalogRecord> decode_catalog(std::string_view bytes);

}  // namespace restored::catalog
