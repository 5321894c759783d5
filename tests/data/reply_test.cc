#include "data/reply.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace restored::data {
namespace {

constexpr std::size_t plenty = 1 << 20;

std::string text(Reply& reply) {
  OutputQueue queue;
  reply.move_to(queue);
  std::string all;
  std::array<std::string_view, 3> views;
  while (!queue.empty()) {
    const std::size_t count = queue.front(views);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
      all += views[i];
      bytes += views[i].size();
    }
    queue.drop(bytes);
  }
  return all;
}

TEST(ReplyTest, ProtocolsDifferWhereRedisDiffers) {
  for (const int protocol : {2, 3}) {
    Reply reply(plenty);
    reply.set_protocol(protocol);
    reply.null();
    reply.null_array();
    reply.map(1);
    reply.set(2);
    reply.verbatim("x");
    const std::string expected = protocol == 2 ? "$-1\r\n*-1\r\n*2\r\n*2\r\n$1\r\nx\r\n"
                                               : "_\r\n_\r\n%1\r\n~2\r\n=5\r\ntxt:x\r\n";
    EXPECT_EQ(text(reply), expected);
  }
}

TEST(ReplyTest, LargeValuesKeepTheirPlaceAmongSmallOnes) {
  const std::string large(100'000, 'v');
  Reply reply(plenty);
  reply.integer(-7);
  reply.bulk(Chunk{"header" + large, 6});
  reply.ok();
  EXPECT_EQ(text(reply), ":-7\r\n$100000\r\n" + large + "\r\n+OK\r\n");
  EXPECT_TRUE(reply.empty());
}

TEST(ReplyTest, RollbackForgetsAllSinceTheMark) {
  for (const std::size_t size : {10u, 100'000u}) {
    Reply reply(plenty);
    reply.simple("before");
    const Reply::Mark mark = reply.mark();
    reply.bulk(Chunk{std::string(size, 'v'), 0});
    reply.error("ERR a");
    reply.bulk(Chunk{std::string(size, 'w'), 0});
    reply.rollback(mark);
    EXPECT_EQ(reply.errors(), 0u);
    reply.simple("after");
    EXPECT_EQ(text(reply), "+before\r\n+after\r\n") << size;
  }
}

TEST(ReplyTest, LineBreaksCannotEndAnErrorEarly) {
  Reply reply(plenty);
  reply.error("ERR a\r\nb");
  EXPECT_EQ(text(reply), "-ERR a  b\r\n");
}

TEST(ReplyTest, BytesBeyondTheBoundAreNotKept) {
  Reply reply(1000);
  reply.bulk(std::string(2000, 'x'));
  EXPECT_TRUE(reply.overflowed());
  EXPECT_LE(reply.bytes(), 1000u);
  Reply chunked(50'000);
  chunked.bulk(Chunk{std::string(60'000, 'x'), 0});
  EXPECT_TRUE(chunked.overflowed());
}

TEST(OutputQueueTest, DropsAcrossAndWithinChunks) {
  OutputQueue queue;
  queue.push({"abc", 0});
  queue.push({"xdef", 1});
  queue.drop(4);
  std::array<std::string_view, 4> views;
  ASSERT_EQ(queue.front(views), 1u);
  EXPECT_EQ(views[0], "ef");
  queue.drop(2);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace restored::data
