#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

#include "format/frame.h"
#include "restored/limits.h"
#include "sample_backup.h"

namespace restored::format {
namespace {

using test::bytes_of;
using test::make_object;
using test::SampleObject;

Result<std::string> decode(FrameDecoder& decoder, const Frame& frame, std::uint64_t position,
                           std::string_view stored) {
  std::string content(frame.content_bytes, '\0');
  RESTORED_TRY(decoder.decode(frame, position, bytes_of(stored),
                              std::as_writable_bytes(std::span(content))));
  return content;
}

TEST(FrameTest, ContentComesBackAtEveryLevelAndSize) {
  FrameDecoder decoder;
  for (const int level : {-5, 1, 3, 19}) {
    for (const std::size_t bytes :
         {std::size_t{1}, std::size_t{4096}, std::size_t{limits::frame_bytes}}) {
      for (const std::string& content :
           {test::compressible(bytes), test::incompressible(bytes, bytes)}) {
        const SampleObject object = make_object(content, level);
        ASSERT_EQ(object.frames.size(), 1u);
        const auto back = decode(decoder, object.frames[0], 0, object.frame(0));
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(*back, content);
      }
    }
  }
}

TEST(FrameTest, IncompressibleFrameStaysBelowTheBound) {
  const SampleObject object = make_object(test::incompressible(limits::frame_bytes, 5));
  EXPECT_GT(object.frames[0].stored_bytes, limits::frame_bytes);
  EXPECT_LE(object.frames[0].stored_bytes, limits::frame_stored_bytes_max);
}

TEST(FrameTest, FrameAtAnotherPositionIsRefused) {
  const std::string twice(2 * limits::frame_bytes, 'x');  // equal frames
  const SampleObject object = make_object(twice);
  ASSERT_EQ(object.frames.size(), 2u);
  FrameDecoder decoder;
  EXPECT_TRUE(decode(decoder, object.frames[1], 1, object.frame(0)));  // same bytes, right index
  const auto moved = decode(decoder, object.frames[0], 1, object.frame(0));
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::corruption);
  EXPECT_EQ(moved.error().message, "content hash differs");
}

TEST(FrameTest, FrameOfOtherContentIsRefused) {
  const SampleObject one = make_object(test::compressible(1000));
  const SampleObject other = make_object(test::incompressible(1000, 1));
  Frame frame = one.frames[0];
  frame.stored_bytes = other.frames[0].stored_bytes;
  FrameDecoder decoder;
  EXPECT_EQ(decode(decoder, frame, 0, other.frame(0)).error().message, "content hash differs");
}

TEST(FrameTest, WrongContentLengthIsRefused) {
  const SampleObject object = make_object(test::compressible(1000));
  FrameDecoder decoder;
  Frame longer = object.frames[0];
  longer.content_bytes = 1001;
  EXPECT_EQ(decode(decoder, longer, 0, object.frame(0)).error().message,
            "content length is 1000, not 1001");
  Frame shorter = object.frames[0];
  shorter.content_bytes = 999;
  const auto refused = decode(decoder, shorter, 0, object.frame(0));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("zstd refuses it"), std::string::npos);
}

TEST(FrameTest, DecoderWorksOnAfterAnError) {
  const SampleObject object = make_object(test::compressible(5000));
  FrameDecoder decoder;
  std::string broken(object.frame(0));
  broken[10] = static_cast<char>(broken[10] ^ 1);
  ASSERT_FALSE(decode(decoder, object.frames[0], 0, broken));
  EXPECT_TRUE(decode(decoder, object.frames[0], 0, object.frame(0)));
}

TEST(FrameTest, CodecsMove) {
  FrameEncoder encoder(1);
  FrameEncoder moved(std::move(encoder));
  encoder = FrameEncoder(3);
  moved = std::move(encoder);
  std::vector<std::byte> into(limits::frame_stored_bytes_max);
  const std::string content = test::compressible(100);
  const std::size_t bytes = moved.encode(bytes_of(content), into);
  FrameDecoder first;
  FrameDecoder second;
  second = std::move(first);
  const Frame frame{static_cast<std::uint32_t>(bytes), 100, frame_hash(bytes_of(content), 7)};
  std::string back(100, '\0');
  ASSERT_TRUE(second.decode(frame, 7, std::span(into).first(bytes),
                            std::as_writable_bytes(std::span(back))));
  EXPECT_EQ(back, content);
}

TEST(ContentIdTest, DependsOnEveryFrameTheirOrderAndTheSize) {
  const std::vector<Frame> frames{{1, 2, 3}, {4, 5, 6}};
  const std::vector<Frame> swapped{frames[1], frames[0]};
  const ContentId id = content_id(7, frames);
  EXPECT_NE(id, content_id(8, frames));
  EXPECT_NE(id, content_id(7, swapped));
  EXPECT_NE(id, content_id(7, std::span(frames).first(1)));
}

TEST(ContentIdTest, DoesNotDependOnCompression) {
  const std::string content = test::compressible(300'000);
  const SampleObject fast = make_object(content, 1);
  const SampleObject small = make_object(content, 19);
  ASSERT_NE(fast.bytes, small.bytes);
  EXPECT_EQ(content_id(content.size(), fast.frames), content_id(content.size(), small.frames));
}

TEST(ContentIdTest, HexGoesBothWays) {
  const ContentId id = content_id(7, {});
  const auto back = content_id_from_hex(id.hex());
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, id);
  EXPECT_EQ(object_key(id), "objects/" + id.hex().substr(0, 2) + "/" + id.hex());
  for (const char* bad : {"", "00", "zz112233445566778899aabbccddeeff",
                          "../../../../../../etc/passwd", "00112233445566778899aabbccddeeff00"})
    EXPECT_EQ(content_id_from_hex(bad).error().code, ErrorCode::corruption) << bad;
}

TEST(FrameCountTest, CountsTheLastPartialFrame) {
  EXPECT_EQ(frames_of(0), 0u);
  EXPECT_EQ(frames_of(1), 1u);
  EXPECT_EQ(frames_of(limits::frame_bytes), 1u);
  EXPECT_EQ(frames_of(limits::frame_bytes + 1), 2u);
  EXPECT_EQ(frames_of(~std::uint64_t{0}), (std::uint64_t{1} << 46));
}

}  // namespace
}  // namespace restored::format
