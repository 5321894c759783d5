// Documents of an encrypted repository: a first line, then the document of version 1, sealed with
// the data key that the line names, and bound to the line, to the repository and to its place.
//   {"restored":"manifest","version":2,"bytes":123,"data_key":"<32 hexadecimal digits>"}\n
// See "Encryption" in FORMAT.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/data_key.h"
#include "format/manifest.h"
#include "restored/error.h"

namespace restored::format {

// A sealed document is no more than this longer than what is in it.
inline constexpr std::uint64_t sealing_bytes_max = 256;

// Where a document stands: it opens nowhere else.
struct Place {
  std::string repository_id;  // empty for repository.json, which says it
  std::string key;
};

std::string seal_document(const DataKey& data_key, std::string_view kind, const Place& place,
                          std::string_view document);
// The id of the data key that it is sealed with; nothing when it is not a sealed document of this
// kind, which is then for the decoders of version 1 to judge.
std::optional<std::string> sealed_with(std::string_view kind, std::string_view bytes);
// The document of version 1. REQUIRES: sealed_with() says data_key.id(). Errors: corruption.
Result<std::string> open_document(const DataKey& data_key, std::string_view kind,
                                  const Place& place, std::string_view bytes);

// The frame index, each file's slice sealed on its own: at
// 16 + 12 * frames_begin + 40 * the file's position, and 12 * frames_count + 40 bytes long.
std::uint64_t sealed_frames_bytes(const Manifest& manifest);
std::string seal_frames(const DataKey& data_key, const Place& place, const Manifest& manifest,
                        std::string_view index);
// The index of version 1, for decode_frames(). Errors: corruption, naming the file.
Result<std::string> open_frames(const DataKey& data_key, const Place& place,
                                const Manifest& manifest, std::string_view bytes);

// A data key in the repository, wrapped.
inline constexpr std::string_view keys_prefix = "keys/";
std::string wrapped_key_prefix(std::string_view data_key_id);  // "keys/<data key id>/"
std::string wrapped_key_key(std::string_view data_key_id, std::string_view wrapping_key_id);
// The second copy of what all the rest of an encrypted repository hangs on: repository.json and
// wrapped keys. The same bytes, bound to the place of the first: "spare/<key>".
inline constexpr std::string_view spare_prefix = "spare/";
std::string spare_key(std::string_view key);
std::string wrap_key(const WrappingKey& wrapping, const DataKey& data_key);
// Errors: corruption (any byte differs, or not that data key).
Result<DataKey> unwrap_key(const WrappingKey& wrapping, std::string_view data_key_id,
                           std::string_view bytes);

}  // namespace restored::format
