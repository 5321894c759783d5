#include "catalog/log_records.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace restored::catalog::test {
namespace {

std::string fragment(std::size_t payload_bytes, char type) {
  std::string bytes(4, 'c');
  bytes.push_back(static_cast<char>(payload_bytes & 0xff));
  bytes.push_back(static_cast<char>(payload_bytes >> 8));
  bytes.push_back(type);
  return bytes + std::string(payload_bytes, '\1');
}

// A record in one piece, six bytes that no header fits in, a record in three pieces over two more
// blocks.
TEST(LogRecordsTest, WholeRecordsEndWhereTheirLastFragmentDoesHoweverTheBytesCome) {
  const std::string one = fragment(32'768 - 7 - 6, 1);
  const std::string first = fragment(32'768 - 7, 2);
  const std::string middle = fragment(32'768 - 7, 3);
  const std::string all =
      one + std::string(6, '\0') + first + middle + fragment(5, 4) + fragment(0, 1);
  const std::size_t three = one.size() + 6 + first.size() + middle.size() + 7 + 5;
  for (const std::size_t step : {std::size_t{1}, std::size_t{6}, std::size_t{4096}, all.size()}) {
    LogRecords records;
    for (std::size_t at = 0; at < all.size(); at += step) {
      records.append(std::string_view(all).substr(at, step));
      const std::size_t end = records.bytes();
      EXPECT_EQ(end, std::min(at + step, all.size()));
      std::size_t whole = 0;
      if (end >= one.size()) whole = one.size();
      if (end >= three) whole = three;
      if (end >= all.size()) whole = all.size();
      ASSERT_EQ(records.whole_bytes(), whole) << "after " << end;
    }
    EXPECT_TRUE(records.understood());
  }
}

TEST(LogRecordsTest, OtherBytesAreNotUnderstood) {
  LogRecords records;
  records.append(fragment(3, 1));
  records.append(fragment(3, 9));
  EXPECT_FALSE(records.understood());
}

TEST(LogRecordsTest, ChecksumsAreComparedWhenAskedFor) {
  // "abc" in one piece: CRC-32C of 01 61 62 63, masked.
  std::string record = std::string("\xf2\x70\xe8\x9d\x03\x00\x01", 7) + "abc";
  for (std::size_t changed = 0; changed <= record.size(); ++changed) {
    std::string bytes = record;
    if (changed < record.size()) bytes[changed] = static_cast<char>(bytes[changed] ^ 2);
    LogRecords records(LogRecords::Checksums::compared);
    records.append(bytes);
    const bool whole = records.understood() && records.whole_bytes() == record.size();
    EXPECT_EQ(whole, changed == record.size()) << changed;
  }
}

}  // namespace
}  // namespace restored::catalog::test
