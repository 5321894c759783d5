// Every byte of every artefact, changed and cut: nothing passes. Small backups, exhaustively.
#include <gtest/gtest.h>

#include <functional>

#include "format/frame.h"
#include "format/manifest.h"
#include "sample_backup.h"

namespace restored::format {
namespace {

using test::bytes_of;
using test::make_backup;
using test::SampleBackup;
using test::SampleObject;

using Accepts = std::function<bool(std::string_view)>;

void expect_every_change_noticed(const std::string& artefact, const Accepts& accepts) {
  ASSERT_TRUE(accepts(artefact)) << "the artefact itself is good";
  std::string damaged = artefact;
  for (std::size_t i = 0; i < artefact.size(); ++i) {
    for (int mask = 1; mask < 256; ++mask) {
      damaged[i] = static_cast<char>(artefact[i] ^ mask);
      ASSERT_FALSE(accepts(damaged))
          << "byte " << i << " of " << artefact.size() << ", mask " << mask;
    }
    damaged[i] = artefact[i];
  }
  for (std::size_t bytes = 0; bytes < artefact.size(); ++bytes)
    ASSERT_FALSE(accepts(std::string_view(artefact).substr(0, bytes))) << "cut to " << bytes;
  for (const char extra : {'\0', '\n', ' ', '}'})
    ASSERT_FALSE(accepts(artefact + extra)) << "a byte more: " << static_cast<int>(extra);
}

SampleBackup small_backup() {
  return make_backup("b-damage", {test::compressible(300'000), test::incompressible(300, 1)});
}

TEST(DamageTest, EveryByteOfTheManifest) {
  expect_every_change_noticed(encode_manifest(small_backup().manifest), [](std::string_view bytes) {
    return decode_manifest(bytes).has_value();
  });
}

TEST(DamageTest, EveryByteOfTheFrameIndex) {
  const SampleBackup backup = small_backup();
  expect_every_change_noticed(encode_frames(backup.frames), [&](std::string_view bytes) {
    return decode_frames(backup.manifest, bytes).has_value();
  });
}

TEST(DamageTest, EveryByteOfTheSummary) {
  expect_every_change_noticed(
      encode_summary(summarize(small_backup().manifest)),
      [](std::string_view bytes) { return decode_summary(bytes).has_value(); });
}

TEST(DamageTest, EveryByteOfTheRepositoryFile) {
  expect_every_change_noticed(
      encode_repository({format_version, "r1", 1'700'000'000'000}),
      [](std::string_view bytes) { return decode_repository(bytes).has_value(); });
}

// An object is its frames and what ends it: each part is looked at alone, as readers do.
TEST(DamageTest, EveryByteOfEveryObject) {
  FrameDecoder decoder;
  for (const SampleObject& object : small_backup().objects) {
    std::size_t frames_bytes = 0;
    for (std::size_t i = 0; i < object.frames.size(); ++i) {
      const Frame& frame = object.frames[i];
      std::string content(frame.content_bytes, '\0');
      frames_bytes += frame.stored_bytes;
      expect_every_change_noticed(std::string(object.frame(i)), [&](std::string_view bytes) {
        return decoder.decode(frame, i, bytes_of(bytes), std::as_writable_bytes(std::span(content)))
            .has_value();
      });
    }
    expect_every_change_noticed(object.bytes.substr(frames_bytes), [](std::string_view bytes) {
      return decode_seek_table(bytes_of(bytes)).has_value();
    });
  }
}

TEST(DamageTest, EveryCutOfAFrame) {
  FrameDecoder decoder;
  const SampleObject object = test::make_object(test::compressible(70'000));
  std::string content(70'000, '\0');
  for (std::size_t bytes = 0; bytes < object.frames[0].stored_bytes; ++bytes) {
    Frame frame = object.frames[0];
    const auto cut = bytes_of(object.frame(0)).first(bytes);
    const auto into = std::as_writable_bytes(std::span(content));
    ASSERT_FALSE(decoder.decode(frame, 0, cut, into));
    frame.stored_bytes = static_cast<std::uint32_t>(bytes);  // an index that lies the same way
    ASSERT_FALSE(decoder.decode(frame, 0, cut, into));
  }
}

}  // namespace
}  // namespace restored::format
