// Ends of operations that the registry did not take. Left alone, the next start would find such a
// restore as one that was cut off, and run it over what was written since, or tell of an operation
// that succeeded that it failed. So the end is written again and again until the registry takes it;
// and an operation whose end could not be written leaves a mark beside its database's staged files,
// which the next start believes.
// Threading: all functions may be called from any thread at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "registry/registry.h"
#include "restore/engine_parts.h"

namespace restored::restore {

// A mark's bytes: "restored-end 1 <hash64 of the rest, 16 hexadecimal digits>", a line feed, the
// record.
std::string encode_mark(const registry::OperationRecord& ended);
// Nothing when a byte is not what it was. `path` is for messages.
std::optional<registry::OperationRecord> decode_mark(const std::string& path,
                                                     std::string_view bytes);

// Leaves the mark of an operation, if its end is not on record. Before its claim is released.
void mark_end(EngineParts& parts, const Operation& operation);

// The end that such a mark tells of, for a record that says "running".
std::optional<registry::OperationRecord> marked_end(EngineParts& parts,
                                                    const registry::OperationRecord& running);

// Tries again to record what has ended, and removes the marks of what is recorded.
void record_ends(EngineParts& parts);

}  // namespace restored::restore
