// Contents, marks and damage: they come back equal, and no damaged byte goes unnoticed.
#include "format/contents.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "format/document.h"
#include "restored/limits.h"
#include "sample_backup.h"

namespace restored::format {
namespace {

Contents sample() {
  return contents_of(test::make_backup("b1", {"one", "two", "three"}).manifest);
}

TEST(ContentsTest, AreSortedAndWithoutRepetition) {
  const test::SampleBackup backup = test::make_backup("b1", {"one", "two", "one", "three"});
  const Contents contents = contents_of(backup.manifest);
  EXPECT_EQ(contents.backup, backup.manifest.backup);
  EXPECT_EQ(contents.database, backup.manifest.database);
  EXPECT_EQ(contents.objects.size(), 3u);
  EXPECT_TRUE(std::ranges::is_sorted(contents.objects));
  for (const ManifestFile& file : backup.manifest.files)
    EXPECT_TRUE(std::ranges::binary_search(contents.objects, file.content));
}

TEST(ContentsTest, ComeBackEqual) {
  for (const Contents& contents : {sample(), Contents{BackupId("b1"), DatabaseId("d1"), {}}}) {
    const auto bytes = encode_contents(contents);
    ASSERT_TRUE(bytes);
    const auto back = decode_contents(*bytes);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, contents);
  }
}

TEST(ContentsTest, EveryDamagedByteAndEveryCutIsCorruption) {
  const std::string good = encode_contents(sample()).value();
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x40);
    EXPECT_FALSE(decode_contents(bad)) << "byte " << i;
    EXPECT_FALSE(decode_contents(std::string_view(good).substr(0, i))) << "cut at " << i;
  }
  EXPECT_FALSE(decode_contents(good + "x"));
}

// The hash is right, but nobody writes this.
TEST(ContentsTest, WhatIsInconsistentIsCorruption) {
  const std::string entry(16, 'b');
  const std::string lower(16, 'a');
  for (const std::string& body : {std::string(), std::string("b1\n"), std::string("b1\nd1"),
                                  "b/1\nd1\n" + entry, "b1\n\n" + entry, "b1\nd1\n" + entry + "x",
                                  "b1\nd1\n" + entry + entry, "b1\nd1\n" + entry + lower}) {
    const auto decoded = decode_contents(seal("contents", body));
    ASSERT_FALSE(decoded) << body;
    EXPECT_EQ(decoded.error().code, ErrorCode::corruption);
  }
  EXPECT_TRUE(decode_contents(seal("contents", "b1\nd1\n" + lower + entry)));
}

TEST(ContentsTest, ANewerVersionIsUnsupported) {
  EXPECT_EQ(decode_contents("{\"restored\":\"contents\",\"version\":3,").error().code,
            ErrorCode::unsupported_format);
}

TEST(ContentsTest, MoreThanABackupMayNameIsRefused) {
  Contents contents{BackupId("b1"), DatabaseId("d1"), {}};
  contents.objects.resize(limits::contents_bytes_max / sizeof(ContentId::bytes));
  for (std::size_t i = 0; i < contents.objects.size(); ++i) {
    for (std::size_t byte = 0; byte < 4; ++byte)
      contents.objects[i].bytes[byte] = static_cast<std::byte>(i >> (8 * (3 - byte)));
  }
  EXPECT_EQ(encode_contents(contents).error().code, ErrorCode::limit_reached);
  contents.objects.resize(contents.objects.size() - 64);
  const auto bytes = encode_contents(contents);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(decode_contents(*bytes)->objects.size(), contents.objects.size());
}

TEST(MarkTest, ComesBackEqualAndNoDamageGoesUnnoticed) {
  const CollectionMark mark{"c1", "host \"7\""};
  const std::string good = encode_mark(mark);
  EXPECT_EQ(decode_mark(good).value(), mark);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(decode_mark(bad)) << "byte " << i;
  }
}

TEST(DamageTest, ComesBackEqualAndNoDamageGoesUnnoticed) {
  const Damage damage{sample().objects.front(), BackupId("b1"), "frame 3 of 000012.sst"};
  const std::string good = encode_damage(damage);
  EXPECT_EQ(decode_damage(good).value(), damage);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(decode_damage(bad)) << "byte " << i;
  }
}

}  // namespace
}  // namespace restored::format
