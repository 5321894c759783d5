// Frames: the unit of compression and hashing. A frame holds limits::frame_bytes of a file's
// content, the last one of a file less: one independent zstd frame, then its guard (a skippable
// frame with the hash of the zstd frame's bytes, checked before zstd sees them). An object is a
// run of frames followed by a seek table (zstd's seekable format, zstd/contrib/seekable_format),
// so the stock `zstd -d` decodes it. See FORMAT.md beside this file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "restored/error.h"

namespace restored::format {

class DataKey;

// One entry of the frame index.
struct Frame {
  std::uint32_t stored_bytes = 0;   // compressed, with the guard
  std::uint32_t content_bytes = 0;  // limits::frame_bytes but for a file's last frame
  std::uint64_t hash = 0;           // frame_hash(content, position)
  friend bool operator==(const Frame&, const Frame&) = default;
};

// Frames of a file of that size.
std::uint64_t frames_of(std::uint64_t file_bytes);

// XXH3-64 of the content, seeded with the frame's position in its file: equal content at another
// place has another hash, so frames cannot change places unnoticed.
std::uint64_t frame_hash(std::span<const std::byte> content, std::uint64_t position);

// XXH3-128 over the frame size, the file's size and its frame hashes in order: names a file's
// content, whatever it was compressed with. 32 hexadecimal digits.
struct ContentId {
  std::array<std::byte, 16> bytes{};
  std::string hex() const;
  friend auto operator<=>(const ContentId&, const ContentId&) = default;
};
ContentId content_id(std::uint64_t file_bytes, std::span<const Frame> frames);
Result<ContentId> content_id_from_hex(std::string_view hex);

// "objects/ab/abcdef…"
std::string object_key(const ContentId& id);

// What an object's frames and its seek table are sealed with in an encrypted repository. Without a
// key (which outlives it) they are not.
struct ObjectSeal {
  const DataKey* key = nullptr;
  ContentId content;
};

// Gives a content its name while its frames are read, in order: content_id(), or with a key a name
// that only those who have it can make or foresee.
// Threading: one thread at a time; keep one per thread.
class ContentNamer {
 public:
  explicit ContentNamer(const DataKey* key);
  ContentNamer(ContentNamer&&) noexcept;
  ContentNamer& operator=(ContentNamer&&) noexcept;
  ~ContentNamer();
  void begin();
  void add(std::span<const std::byte> frame_content);
  // `frames` are those that were added since begin(), with their hashes.
  ContentId end(std::uint64_t file_bytes, std::span<const Frame> frames);

 private:
  struct State;
  std::unique_ptr<State> state_;  // null without a key
};

// Threading: one thread at a time; keep one per thread (it owns a zstd context).
class FrameEncoder {
 public:
  explicit FrameEncoder(int zstd_level);
  FrameEncoder(FrameEncoder&&) noexcept;
  FrameEncoder& operator=(FrameEncoder&&) noexcept;
  ~FrameEncoder();
  // Writes one zstd frame (with content size, without zstd's own checksum) and its guard; returns
  // the bytes of both: the frame's stored_bytes.
  // With a seal it is encrypted, and its tag takes the guard's place.
  // REQUIRES: into.size() >= limits::frame_stored_bytes_max, content.size() <= limits::frame_bytes.
  std::size_t encode(std::span<const std::byte> content, std::span<std::byte> into,
                     const ObjectSeal& seal = {}, std::uint64_t position = 0);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Threading: one thread at a time; keep one per thread.
class FrameDecoder {
 public:
  FrameDecoder();
  FrameDecoder(FrameDecoder&&) noexcept;
  FrameDecoder& operator=(FrameDecoder&&) noexcept;
  ~FrameDecoder();
  // Checks the guard, decodes exactly frame.content_bytes into `into` (REQUIRES: of that size) and
  // compares the hash. Errors: corruption, the message says what differs; `into` is then scratch.
  // With a seal, nothing but what was sealed as this frame of this content is decoded.
  Result<void> decode(const Frame& frame, std::uint64_t position, std::span<const std::byte> stored,
                      std::span<std::byte> into, const ObjectSeal& seal = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What ends an object: a guard, then the seek table with stored and content lengths of each frame
// and a 32-bit sum of its content. With a seal it is encrypted, and as long.
std::string encode_seek_table(std::span<const Frame> frames,
                              std::span<const std::uint32_t> content_sums,
                              const ObjectSeal& seal = {});
// The 32-bit sum that the seek table carries: low half of XXH64 of the content (the format's own).
std::uint32_t seek_table_sum(std::span<const std::byte> content);

// Bytes of that, for an object with so many frames.
std::uint64_t seek_table_bytes(std::uint64_t frames);

// Reads lengths (not hashes) back from an object's end. `tail` is the object's last
// seek_table_bytes(frame count) bytes or more; exactly those, with a seal. Only tables as
// encode_seek_table writes them are taken.
// Errors: corruption (any byte differs), unsupported_format (flags that we never write).
struct SeekEntry {
  std::uint32_t stored_bytes = 0;
  std::uint32_t content_bytes = 0;
  std::uint32_t content_sum = 0;
};
Result<std::vector<SeekEntry>> decode_seek_table(std::span<const std::byte> tail,
                                                 const ObjectSeal& seal = {});

}  // namespace restored::format
