#include "data/input_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace restored::test {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;  // of one read of a socket

// What arrives on one connection, read by read; nothing is consumed.
struct Filled {
  std::size_t resizes = 0;
  std::size_t capacity = 0;
};
Filled fill(data::InputBuffer& buffer, std::size_t bytes, std::size_t announced) {
  Filled filled;
  for (std::size_t arrived = 0; arrived < bytes;) {
    // Of a request of many small arguments the next one is all that is known.
    const std::size_t wanted = announced != 0 ? announced : arrived + 100;
    const auto room = buffer.prepare(wanted);
    const std::size_t capacity = buffer.unread().size() + room.size();
    if (capacity != filled.capacity) ++filled.resizes;
    filled.capacity = capacity;
    const std::size_t part = std::min({room.size(), read_bytes, bytes - arrived});
    for (std::size_t i = 0; i < part; ++i) room[i] = static_cast<char>('a' + (arrived + i) % 23);
    buffer.commit(part);
    arrived += part;
  }
  return filled;
}

bool holds(const data::InputBuffer& buffer, std::size_t bytes) {
  const std::string_view unread = buffer.unread();
  for (std::size_t i = 0; i < unread.size(); ++i) {
    if (unread[i] != static_cast<char>('a' + i % 23)) return false;
  }
  return unread.size() == bytes;
}

TEST(InputBufferTest, OneLargeRequestOfSmallPartsIsCopiedAFewTimesOnly) {
  constexpr std::size_t bytes = 32 * 1024 * 1024;
  data::InputBuffer buffer;
  const Filled filled = fill(buffer, bytes, 0);
  EXPECT_LE(filled.resizes, 40u) << "logarithmic: each one makes it half as large again";
  EXPECT_LE(filled.capacity, bytes * 3 / 2 + 2 * read_bytes) << "bounded by what arrived";
  EXPECT_TRUE(holds(buffer, bytes));
  buffer.consume(bytes);
  EXPECT_LE(buffer.prepare(0).size(), 2 * read_bytes) << "and given back";
}

TEST(InputBufferTest, OneAnnouncedValueGetsTheRoomThatItNeedsAndNoMore) {
  constexpr std::size_t bytes = 32 * 1024 * 1024;
  data::InputBuffer buffer;
  const Filled filled = fill(buffer, bytes, bytes);
  EXPECT_LE(filled.resizes, 20u);
  EXPECT_LE(filled.capacity, bytes + read_bytes);
  EXPECT_TRUE(holds(buffer, bytes));
}

TEST(InputBufferTest, WhatIsOnlyAnnouncedCostsNothing) {
  data::InputBuffer buffer;
  EXPECT_EQ(fill(buffer, 100, 512 * 1024 * 1024).resizes, 1u);
  EXPECT_LE(buffer.free_bytes(), 8u * 1024);
}

TEST(InputBufferTest, AConsumedSecretIsOverwritten) {
  data::InputBuffer buffer;
  const std::string_view text = "AUTH password\r\nGET a\r\n";
  std::memcpy(buffer.prepare(0).data(), text.data(), text.size());
  buffer.commit(text.size());
  const char* const begin = buffer.unread().data();
  buffer.consume_secret(15);
  EXPECT_EQ(buffer.unread(), "GET a\r\n");
  EXPECT_EQ(std::string_view(begin, 15), std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15));
}

}  // namespace
}  // namespace restored::test
