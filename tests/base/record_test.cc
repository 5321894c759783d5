#include "restored/record.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace restored::record {
namespace {

const std::string collection_payload(16 + 3, 'p');

std::string payload_of(Type type) {
  return type == Type::string ? "value" : collection_payload;
}

constexpr Type all_types[] = {Type::string, Type::hash, Type::list,
                              Type::set,    Type::zset, Type::stream};

TEST(RecordTest, WhatIsEncodedIsDecoded) {
  const std::optional<UnixMillis> expiries[] = {std::nullopt,
                                                0,
                                                1,
                                                1'700'000'000'000,
                                                std::numeric_limits<UnixMillis>::max(),
                                                std::numeric_limits<UnixMillis>::min()};
  for (const Type type : all_types) {
    for (const auto& expiry : expiries) {
      const std::string record = encode(type, expiry, payload_of(type));
      const auto metadata = decode(record);
      ASSERT_TRUE(metadata.has_value()) << metadata.error().message;
      EXPECT_EQ(metadata->type, type);
      EXPECT_EQ(metadata->expires_at, expiry);
      EXPECT_EQ(metadata->payload, payload_of(type));
    }
  }
}

TEST(RecordTest, BinaryAndEmptyStringsAreKept) {
  const std::string binary("\0\xff\n\0", 4);
  const std::string record = encode(Type::string, std::nullopt, binary);
  EXPECT_EQ(decode(record)->payload, binary);
  const std::string empty = encode(Type::string, std::nullopt, "");
  ASSERT_TRUE(decode(empty).has_value());
  EXPECT_EQ(decode(empty)->payload, "");
}

TEST(RecordTest, BytesAreThoseOfTheDocument) {
  // Type 1 and flag 1; expiry 0x0102030405060708 big-endian; then the value.
  EXPECT_EQ(encode(Type::string, 0x0102030405060708, "v"),
            std::string("\x11\x01\x02\x03\x04\x05\x06\x07\x08v", 10));
  EXPECT_EQ(encode(Type::string, std::nullopt, "v"), std::string("\x10v", 2));
}

TEST(RecordTest, EveryTruncationOfTheHeadIsCorruption) {
  for (const Type type : all_types) {
    const std::string record = encode(type, 1'700'000'000'000, payload_of(type));
    const std::size_t head = type == Type::string ? 1 + 8 : 1 + 8 + 16;
    for (std::size_t length = 0; length < record.size(); ++length) {
      const auto metadata = decode(std::string_view(record).substr(0, length));
      EXPECT_EQ(metadata.has_value(), length >= head) << length;
      if (!metadata) {
        EXPECT_EQ(metadata.error().code, ErrorCode::corruption);
      }
    }
  }
}

TEST(RecordTest, EveryFirstByteIsAKnownTypeAndFlagOrCorruption) {
  for (unsigned first = 0; first < 256; ++first) {
    std::string record(64, '\x01');
    record.front() = static_cast<char>(first);
    const unsigned type = first >> 4;
    const unsigned flags = first & 15;
    const bool valid = type >= 1 && type <= 6 && flags <= 1;
    const auto metadata = decode(record);
    EXPECT_EQ(metadata.has_value(), valid) << first;
    if (!metadata) {
      EXPECT_EQ(metadata.error().code, ErrorCode::corruption);
      continue;
    }
    EXPECT_EQ(static_cast<unsigned>(metadata->type), type);
    EXPECT_EQ(metadata->expires_at.has_value(), flags == 1);
  }
}

TEST(RecordTest, ExpiredAtItsTimeAndNotBefore) {
  Metadata metadata;
  EXPECT_FALSE(expired(metadata, std::numeric_limits<UnixMillis>::max()));
  metadata.expires_at = 100;
  EXPECT_FALSE(expired(metadata, 99));
  EXPECT_TRUE(expired(metadata, 100));
}

TEST(RecordTest, UserKeysComeBackAndOtherKeysAreNone) {
  for (const std::string& key : {std::string(), std::string("a"), std::string("k\0s", 3)}) {
    EXPECT_EQ(user_key(metadata_key(key)), key);
  }
  EXPECT_FALSE(user_key("").has_value());
  EXPECT_FALSE(user_key("s1").has_value());
}

}  // namespace
}  // namespace restored::record
