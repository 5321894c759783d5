// Small backups made with the real codecs, for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/frame.h"
#include "format/manifest.h"

namespace restored::test {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Lines of text that zstd makes small, every line different.
std::string compressible(std::size_t bytes);
// Random bytes from a seed: zstd stores them as they are.
std::string incompressible(std::size_t bytes, std::uint64_t seed);

struct SampleObject {
  std::string content;
  std::vector<format::Frame> frames;
  std::vector<std::uint32_t> sums;
  std::string bytes;  // the frames, then the seek table with its guard
  // The stored bytes of one frame.
  std::string_view frame(std::size_t index) const;
};
SampleObject make_object(std::string content, int zstd_level = 1);

struct SampleBackup {
  format::Manifest manifest;
  std::vector<format::Frame> frames;  // of all objects
  std::vector<SampleObject> objects;  // one a file, in the manifest's order
};
// Files 000012.sst, 000013.sst and so on with these contents; every manifest field is set.
SampleBackup make_backup(std::string backup_id, const std::vector<std::string>& contents);

}  // namespace restored::test
