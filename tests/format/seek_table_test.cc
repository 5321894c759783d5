// Against zstd itself: its library, its command line, and the published layout.
#include <gtest/gtest.h>
#include <xxhash.h>
#include <zstd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>

#include "format/frame.h"
#include "restored/limits.h"
#include "sample_backup.h"
#include "support/temporary_directory.h"

namespace restored::format {
namespace {

using test::bytes_of;
using test::make_object;
using test::SampleObject;

std::string output_of(const std::string& command) {
  std::string output;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 65536> buffer;
  while (const std::size_t bytes = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    output.append(buffer.data(), bytes);
  return output;
}

TEST(SeekTableTest, StockZstdDecodesAnObject) {
  const test::TemporaryDirectory directory;
  for (const std::string& content :
       {test::compressible(3 * limits::frame_bytes + 17), test::incompressible(600'000, 3),
        std::string("x"), std::string()}) {
    const std::string path = directory.file("object.zst");
    test::write_file(path, make_object(content).bytes);
    EXPECT_EQ(output_of("zstd -d -c -q " + path), content);
  }
}

TEST(SeekTableTest, LengthsAndSumsComeBack) {
  const SampleObject object = make_object(test::compressible(3 * limits::frame_bytes + 17));
  const auto entries =
      decode_seek_table(bytes_of(object.bytes).last(seek_table_bytes(object.frames.size())));
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 4u);
  std::uint64_t content_begin = 0;
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const SeekEntry& entry = (*entries)[i];
    EXPECT_EQ(entry.stored_bytes, object.frames[i].stored_bytes);
    EXPECT_EQ(entry.content_bytes, object.frames[i].content_bytes);
    // The format's definition: the low 32 bits of XXH64 of the frame's content, seed 0.
    const std::uint64_t xxh64 =
        XXH64(object.content.data() + content_begin, entry.content_bytes, 0);
    EXPECT_EQ(entry.content_sum, xxh64 & 0xFFFFFFFF);
    content_begin += entry.content_bytes;
  }
}

TEST(SeekTableTest, LayoutIsTheSeekableFormats) {
  const SampleObject object = make_object("x");
  const std::string& bytes = object.bytes;
  const std::string table = bytes.substr(bytes.size() - 29);
  EXPECT_EQ(table.substr(0, 8), std::string("\x5E\x2A\x4D\x18\x15\0\0\0", 8));  // 21 bytes follow
  EXPECT_EQ(table.substr(20), std::string("\x01\0\0\0\x80\xB1\xEA\x92\x8F", 9));
  EXPECT_EQ(seek_table_bytes(1), 29u + 16u);  // with the guard
}

TEST(SeekTableTest, FramesDecodeAloneWithZstdsLibrary) {
  const SampleObject object = make_object(test::compressible(2 * limits::frame_bytes));
  std::string content(limits::frame_bytes, '\0');
  const std::string_view stored = object.frame(1);
  ASSERT_EQ(ZSTD_decompress(content.data(), content.size(), stored.data(), stored.size()),
            content.size());
  EXPECT_EQ(content, object.content.substr(limits::frame_bytes));
}

TEST(SeekTableTest, LongerTailIsTaken) {
  const SampleObject object = make_object(test::compressible(limits::frame_bytes + 1));
  const auto entries = decode_seek_table(bytes_of(object.bytes));
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->size(), 2u);
}

TEST(SeekTableTest, EveryFlippedByteIsNoticed) {
  const SampleObject object = make_object(test::compressible(limits::frame_bytes + 1));
  const std::string tail = object.bytes.substr(object.bytes.size() - seek_table_bytes(2));
  ASSERT_TRUE(decode_seek_table(bytes_of(tail)));
  for (std::size_t i = 0; i < tail.size(); ++i) {
    for (int mask = 1; mask < 256; ++mask) {
      std::string damaged = tail;
      damaged[i] = static_cast<char>(damaged[i] ^ mask);
      ASSERT_FALSE(decode_seek_table(bytes_of(damaged))) << "byte " << i << " mask " << mask;
    }
  }
}

TEST(SeekTableTest, EveryTruncationIsNoticed) {
  const SampleObject object = make_object(test::compressible(limits::frame_bytes + 1));
  const std::string tail = object.bytes.substr(object.bytes.size() - seek_table_bytes(2));
  for (std::size_t bytes = 0; bytes < tail.size(); ++bytes) {
    EXPECT_FALSE(decode_seek_table(bytes_of(tail).first(bytes))) << bytes;  // the end is missing
    EXPECT_FALSE(decode_seek_table(bytes_of(tail).last(bytes))) << bytes;   // the begin is missing
  }
}

TEST(SeekTableTest, CountThatPromisesMoreThanThereIsAllocatesNothing) {
  std::string tail = make_object("x").bytes;
  std::memset(tail.data() + tail.size() - 9, 0x07, 4);
  const auto refused = decode_seek_table(bytes_of(tail));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("does not fit"), std::string::npos);
}

}  // namespace
}  // namespace restored::format
