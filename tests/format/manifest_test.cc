#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "format/document.h"
#include "format/manifest.h"
#include "restored/limits.h"
#include "sample_backup.h"

namespace restored::format {
namespace {

using test::make_backup;
using test::SampleBackup;

SampleBackup sample() {
  return make_backup("b1", {test::compressible(600'000), test::incompressible(10, 1)});
}

std::string body_of(const std::string& document) {
  return document.substr(document.find('\n') + 1);
}

// A document whose hash is right though somebody changed its text.
std::string resealed(std::string body, const std::string& from, const std::string& to) {
  const std::size_t at = body.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  body.replace(at, from.size(), to);
  return seal("manifest", body);
}

TEST(ManifestTest, ComesBackEqual) {
  const SampleBackup backup = sample();
  const auto back = decode_manifest(encode_manifest(backup.manifest));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, backup.manifest);
}

TEST(ManifestTest, WithoutFilesComesBackEqual) {
  const SampleBackup backup = make_backup("b1", {});
  const auto back = decode_manifest(encode_manifest(backup.manifest));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, backup.manifest);
  EXPECT_TRUE(decode_frames(*back, encode_frames({})));
}

TEST(ManifestTest, NamesThatAreNotUtf8StayReadable) {
  SampleBackup backup = sample();
  backup.manifest.database_name = "caf\xE9 \xC3\xA9 \xED\xA0\x80";
  backup.manifest.name = std::string("tab\t nul\0 quote\"", 16);
  const auto back = decode_manifest(encode_manifest(backup.manifest));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->database_name, "caf\xEF\xBF\xBD \xC3\xA9 \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(back->name, backup.manifest.name);
}

TEST(ManifestTest, NewerVersionIsUnsupportedWhateverFollows) {
  for (const char* newer :
       {"{\"restored\":\"manifest\",\"version\":3,\"bytes\":5,\"xxh3_128\":\"\"}\nhello",
        "{\"restored\":\"manifest\",\"version\":3",
        "{\"restored\":\"manifest\",\"version\":4000000000 ???"}) {
    const auto refused = decode_manifest(newer);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported_format) << newer;
  }
}

TEST(ManifestTest, OlderThanOldestVersionIsCorruption) {
  for (const char* odd :
       {"{\"restored\":\"manifest\",\"version\":0,", "{\"restored\":\"manifest\",\"version\":-1,",
        "{\"restored\":\"manifest\",\"version\":01,", "{\"restored\":\"manifest\",\"version\":",
        "{\"restored\":\"manifest\",\"version\":99999999999999999999,"})
    EXPECT_EQ(decode_manifest(odd).error().code, ErrorCode::corruption) << odd;
}

TEST(ManifestTest, OtherKindOfDocumentIsRefused) {
  const SampleBackup backup = sample();
  EXPECT_EQ(decode_summary(encode_manifest(backup.manifest)).error().code, ErrorCode::corruption);
  EXPECT_EQ(decode_manifest(encode_summary(summarize(backup.manifest))).error().code,
            ErrorCode::corruption);
}

TEST(ManifestTest, OnlyAScheduledBackupSaysSo) {
  SampleBackup backup = sample();
  EXPECT_EQ(encode_manifest(backup.manifest).find("scheduled"), std::string::npos)
      << "as agents wrote it that knew of no schedule";
  backup.manifest.scheduled = true;
  const std::string document = encode_manifest(backup.manifest);
  const auto back = decode_manifest(document);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(back->scheduled);
  EXPECT_EQ(*back, backup.manifest);
  const auto summary = decode_summary(encode_summary(summarize(*back)));
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_TRUE(summary->scheduled);
  for (const char* wrong : {"1", "null", "\"true\""}) {
    EXPECT_FALSE(decode_manifest(
        resealed(body_of(document), "\"scheduled\":true", "\"scheduled\":" + std::string(wrong))))
        << wrong;
  }
}

TEST(ManifestTest, UnknownMembersAreIgnored) {
  const SampleBackup backup = sample();
  std::string body = body_of(encode_manifest(backup.manifest));
  body.insert(1, "\"added_later\":{\"a\":[1,2,{}]},");
  const auto back = decode_manifest(
      resealed(body, "{\"name\":\"000012.sst\"", "{\"tint\":null,\"name\":\"000012.sst\""));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, backup.manifest);
}

TEST(ManifestTest, EveryMemberIsRequiredAndTyped) {
  const SampleBackup backup = sample();
  const std::string body = body_of(encode_manifest(backup.manifest));
  const std::vector<std::string> optional{"smallest_internal_key", "largest_internal_key",
                                          "epoch_number"};
  std::size_t members = 0;
  for (std::size_t at = 0; (at = body.find("\":", at)) != std::string::npos; ++at) {
    const std::size_t begin = body.rfind('"', at - 1);
    const std::string name = body.substr(begin + 1, at - begin - 1);
    ++members;
    std::string renamed = body;
    renamed.insert(begin + 1, "not_");
    const auto missing = decode_manifest(seal("manifest", renamed));
    const bool may_miss = std::ranges::find(optional, name) != optional.end();
    EXPECT_EQ(missing.has_value(), may_miss) << name;
    if (!may_miss) {
      EXPECT_EQ(missing.error().code, ErrorCode::corruption);
      EXPECT_NE(missing.error().message.find(name + " is missing"), std::string::npos)
          << missing.error().message;
    }
    for (const char* wrong : {"null,", "-1,", "1.5,", "[],", "{},", "18446744073709551616,"}) {
      std::string retyped = body;
      retyped.insert(at + 2, std::string(wrong) + "\"was_" + name + "\":");
      EXPECT_FALSE(decode_manifest(seal("manifest", retyped))) << name << " = " << wrong;
    }
  }
  EXPECT_EQ(members, 17u + 22u + 19u);
}

TEST(ManifestTest, TextThatIsNotOneJsonObjectIsCorruption) {
  for (const std::string body : {"", "[]", "null", "{", "{}{}", "{\"a\":\"\xFF\"}", "{} x"})
    EXPECT_EQ(decode_manifest(seal("manifest", body)).error().code, ErrorCode::corruption) << body;
}

TEST(ManifestTest, DeepNestingIsRefused) {
  const std::string deep = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_EQ(decode_manifest(seal("manifest", deep)).error().code, ErrorCode::corruption);
}

TEST(ManifestTest, FileNameThatLeavesTheStagingDirectoryIsRefused) {
  const SampleBackup backup = sample();
  const std::string body = body_of(encode_manifest(backup.manifest));
  for (const char* name :
       {"../../etc/cron.d/000012.sst", "/000012.sst", "000012.sst/../../x", "..", ".", "",
        "00012.sst", "000012.sst\\u0000", "000012.SST", "000012.sst.exe", "x00012.sst", "CURRENT",
        "00\\u002f0012.sst", "000000000000000000000.sst", "\xC2\xB2\xC2\xB2\xC2\xB2.sst"}) {
    const auto refused = decode_manifest(resealed(body, "000012.sst", name));
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, ErrorCode::backup_not_usable) << name;
  }
}

TEST(ManifestTest, InconsistentLengthsAreNotUsable) {
  const SampleBackup backup = sample();
  const std::string good = encode_manifest(backup.manifest);
  const std::string body = body_of(good);
  const auto number = [](const char* name, std::uint64_t value) {
    return std::string("\"") + name + "\":" + std::to_string(value);
  };
  const ManifestFile& file = backup.manifest.files[0];
  const std::vector<std::pair<std::string, std::string>> changes{
      {number("size_bytes", file.size_bytes), number("size_bytes", file.size_bytes + 300'000)},
      {number("size_bytes", file.size_bytes), number("size_bytes", ~std::uint64_t{0})},
      {number("frames_begin", 0), number("frames_begin", 1)},
      {number("frames_count", 3), number("frames_count", 2)},
      {number("frames_count", 4), number("frames_count", 5)},
      {number("stored_bytes", file.stored_bytes), number("stored_bytes", ~std::uint64_t{0})},
      {number("level", 0), number("level", 64)},
      {number("deletions", 3), number("deletions", 101)},
      {number("largest_sequence", file.largest_sequence), number("largest_sequence", 11)},
      {number("largest_sequence", file.largest_sequence),
       number("largest_sequence", (std::uint64_t{1} << 55) + 1)},
      {number("largest_sequence", backup.manifest.largest_sequence),
       number("largest_sequence", backup.manifest.largest_sequence + 1)},
      {"\"frames_xxh3_128\":\"", "\"frames_xxh3_128\":\"x"},
      {"000013.sst", "000012.sst"},
      {"\"backup_id\":\"b1\"", "\"backup_id\":\"../b1\""},
      {"\"backup_id\":\"b1\"", "\"backup_id\":\"\""},
  };
  for (const auto& [from, to] : changes) {
    const auto refused = decode_manifest(resealed(body, from, to));
    ASSERT_FALSE(refused) << to;
    EXPECT_EQ(refused.error().code, ErrorCode::backup_not_usable) << to;
  }
}

TEST(ManifestTest, OtherFrameSizeIsUnsupported) {
  const std::string body = body_of(encode_manifest(sample().manifest));
  EXPECT_EQ(decode_manifest(resealed(body, "\"frame_bytes\":262144", "\"frame_bytes\":131072"))
                .error()
                .code,
            ErrorCode::unsupported_format);
}

TEST(ManifestTest, LargerThanTheLimitIsRefusedUnread) {
  const std::string large(limits::manifest_bytes_max + 1, ' ');
  const auto refused = decode_manifest(large);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("more than"), std::string::npos);
}

TEST(ManifestTest, PrettyTextShowsTheFields) {
  const std::string text = manifest_json(sample().manifest);
  EXPECT_NE(text.find("\n  \"backup_id\": \"b1\",\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n      \"smallest_key\": \"6b00ff3132\",\n"), std::string::npos) << text;
}

TEST(FrameIndexTest, ComesBackEqual) {
  const SampleBackup backup = sample();
  const auto back = decode_frames(backup.manifest, encode_frames(backup.frames));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, backup.frames);
}

TEST(FrameIndexTest, SliceOfAFileStandsWhereTheDocumentSays) {
  const SampleBackup backup = sample();
  const std::string index = encode_frames(backup.frames);
  const ManifestFile& file = backup.manifest.files[1];
  const std::string slice = index.substr(16 + 12 * file.frames_begin, 12 * file.frames_count);
  EXPECT_EQ(encode_frames(backup.objects[1].frames).substr(16), slice);
  EXPECT_EQ(frames_slice_hash(backup.objects[1].frames), file.frames_hash);
}

// An index whose own hash is right, for a manifest that says something else.
void expect_refused(const SampleBackup& backup, const std::vector<Frame>& frames,
                    const std::string& message) {
  Manifest manifest = backup.manifest;
  SampleBackup other = backup;
  index_frames(other.manifest, frames);
  manifest.frames_hash = other.manifest.frames_hash;
  const auto refused = decode_frames(manifest, encode_frames(frames));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corruption);
  EXPECT_NE(refused.error().message.find(message), std::string::npos) << refused.error().message;
  // With the slice's hash made to fit as well, the content id still differs.
  for (std::size_t i = 0; i < manifest.files.size(); ++i)
    manifest.files[i].frames_hash = other.manifest.files[i].frames_hash;
  EXPECT_FALSE(decode_frames(manifest, encode_frames(frames)));
}

TEST(FrameIndexTest, SwappedFramesAreRefused) {
  const SampleBackup backup = sample();
  std::vector<Frame> frames = backup.frames;
  std::swap(frames[0].hash, frames[1].hash);
  expect_refused(backup, frames, "frames of 000012.sst: the slice's hash differs");
}

TEST(FrameIndexTest, ImpossibleStoredLengthIsRefused) {
  const SampleBackup backup = sample();
  for (const std::uint32_t bytes : {0u, 300'000u, ~0u}) {
    std::vector<Frame> frames = backup.frames;
    frames[0].stored_bytes = bytes;
    expect_refused(backup, frames, "slice's hash");
  }
}

TEST(FrameIndexTest, TerabyteOfFramesComesBack) {
  // 16,000 files of 64 MiB: 4,096,000 frames, an index of 49 MB and a manifest of 11 MB.
  SampleBackup backup = make_backup("b1", {"x"});
  const ManifestFile model = backup.manifest.files[0];
  constexpr std::uint64_t files = 16'000;
  constexpr std::uint64_t file_bytes = 64 * kMiB;
  backup.manifest.files.assign(files, model);
  for (std::uint64_t i = 0; i < files; ++i) {
    ManifestFile& file = backup.manifest.files[i];
    file.name = std::to_string(1'000'000 + i) + ".sst";
    file.size_bytes = file.identity.size_bytes = file_bytes;
  }
  std::vector<Frame> frames(files * frames_of(file_bytes));
  for (std::uint64_t i = 0; i < frames.size(); ++i)
    frames[i] = {static_cast<std::uint32_t>(130'000 + i % 1000),
                 static_cast<std::uint32_t>(limits::frame_bytes), i * 0x9E3779B97F4A7C15};
  index_frames(backup.manifest, frames);
  const auto manifest = decode_manifest(encode_manifest(backup.manifest));
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->content_bytes(), files * file_bytes);
  const auto back = decode_frames(*manifest, encode_frames(frames));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, frames);
}

TEST(SummaryTest, ComesBackEqual) {
  const Summary summary = summarize(sample().manifest);
  EXPECT_EQ(summary.files, 2u);
  EXPECT_EQ(summary.entries, 200u);
  EXPECT_EQ(summary.content_bytes, 600'010u);
  const auto back = decode_summary(encode_summary(summary));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, summary);
}

TEST(RepositoryFileTest, ComesBackEqual) {
  const RepositoryFile file{format_version, "r1", 1'700'000'000'000};
  const auto back = decode_repository(encode_repository(file));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, file);
}

TEST(KeyTest, IdThatLeavesTheRepositoryIsNotValid) {
  for (const char* bad : {"", ".", "..", "../x", "a/b", "/a", ".tmp", "a b", "a\n", "caf\xC3\xA9"})
    EXPECT_FALSE(valid_id(bad)) << bad;
  EXPECT_FALSE(valid_id(std::string(129, 'a')));
  EXPECT_FALSE(valid_id(std::string_view("a\0b", 3)));
  EXPECT_TRUE(valid_id("b-2026.11_22"));
}

}  // namespace
}  // namespace restored::format
