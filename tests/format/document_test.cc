// FORMAT.md's worked example is what the code writes, byte for byte.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <map>

#include "format/contents.h"
#include "format/frame.h"
#include "format/manifest.h"
#include "restored/limits.h"
#include "sample_backup.h"
#include "support/temporary_directory.h"

namespace restored::format {
namespace {

constexpr std::string_view content = "Hello, restored!\n";

test::SampleBackup example() {
  test::SampleBackup backup = test::make_backup("b0example", {std::string(content)});
  backup.manifest.repository_id = "r0example";
  backup.manifest.database_name = "orders";
  backup.manifest.incremental = false;
  backup.manifest.uploaded_bytes = backup.objects[0].bytes.size();
  backup.manifest.files[0].smallest_key = "ka";
  backup.manifest.files[0].largest_key = "kz";
  backup.manifest.files[0].smallest_internal_key.reset();
  backup.manifest.files[0].largest_internal_key.reset();
  backup.manifest.files[0].epoch_number = 3;
  return backup;
}

std::string hex_dump(std::string_view bytes) {
  std::string dump;
  for (std::size_t line = 0; line < bytes.size(); line += 16) {
    const std::string_view part = bytes.substr(line, 16);
    dump += fmt::format("{:04x} ", line);
    for (const char c : part) dump += fmt::format(" {:02x}", static_cast<unsigned char>(c));
    dump.append(3 * (16 - part.size()) + 2, ' ');
    dump += '|';
    for (const char c : part) dump += c >= ' ' && c <= '~' ? c : '.';
    dump += "|\n";
  }
  return dump;
}

// label -> the text of the block that follows "<!-- example: label -->".
std::map<std::string, std::string> blocks_of(const std::string& document) {
  const std::string mark = "<!-- example: ";
  const std::string fence = "```\n";
  std::map<std::string, std::string> blocks;
  for (std::size_t at = 0; (at = document.find(mark, at)) != std::string::npos;) {
    at += mark.size();
    const std::string label = document.substr(at, document.find(' ', at) - at);
    const std::size_t begin = document.find(fence, at) + fence.size();
    const std::size_t end = document.find(fence, begin);
    EXPECT_TRUE(blocks.emplace(label, document.substr(begin, end - begin)).second) << label;
    at = end;
  }
  return blocks;
}

TEST(FormatDocumentTest, WorkedExampleIsWhatTheCodeWrites) {
  const test::SampleBackup backup = example();
  const Manifest& manifest = backup.manifest;
  const std::map<std::string, std::string> expected{
      {"keys", fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n", repository_key,
                           object_key(manifest.files[0].content), contents_key(manifest.backup),
                           frames_key(manifest.backup), manifest_key(manifest.backup),
                           summary_key(manifest.database, manifest.backup))},
      {"repository", encode_repository({format_version, manifest.repository_id, 1700000000000})},
      {"object", hex_dump(backup.objects[0].bytes)},
      {"contents", hex_dump(encode_contents(contents_of(manifest)).value())},
      {"mark", encode_mark({"c0example", "db7.example.org"})},
      {"damage", encode_damage({manifest.files[0].content, manifest.backup,
                                "frame 0 of 000012.sst: hash differs"})},
      {"frames", hex_dump(encode_frames(backup.frames))},
      {"manifest", encode_manifest(manifest)},
      {"summary", encode_summary(summarize(manifest))},
  };
  const auto blocks = blocks_of(test::read_whole_file(FORMAT_DOCUMENT));
  for (const auto& [label, text] : expected) {
    const auto block = blocks.find(label);
    if (block == blocks.end() || block->second != text)
      ADD_FAILURE() << "the block " << label << " of FORMAT.md should be\n" << text << "<end>";
  }
  EXPECT_EQ(blocks.size(), expected.size());
}

// The layout as the document describes it, read without the code that wrote it.
TEST(FormatDocumentTest, NumbersInTheTextAreRight) {
  const test::SampleBackup backup = example();
  const std::string& object = backup.objects[0].bytes;
  EXPECT_EQ(object.size(), 26u + 16u + 16u + 29u);
  EXPECT_EQ(object.substr(9, content.size()), content);
  EXPECT_EQ(limits::frame_bytes, 262144u);
  EXPECT_EQ(limits::manifest_bytes_max, 268435456u);
  EXPECT_EQ(limits::small_object_bytes_max, 1048576u);
  EXPECT_EQ(limits::contents_bytes_max, 16777216u);
  EXPECT_EQ(limits::collection_renew_seconds, 60u);
  EXPECT_EQ(limits::collection_remove_seconds, 200u);
  EXPECT_EQ(limits::collection_stale_seconds, 600u);
  EXPECT_EQ(limits::orphan_seconds, 7u * 24 * 3600);
  EXPECT_EQ(limits::frame_stored_bytes_max, 266240u);
}

}  // namespace
}  // namespace restored::format
