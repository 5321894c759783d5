#include "seal/box.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "hexadecimal.h"

namespace restored::seal {
namespace {

using test::bytes_of;
using test::from_digits;

Key repeated(std::byte byte) {
  std::array<std::byte, Key::size> bytes{};
  bytes.fill(byte);
  return Key::copy(bytes);
}

Nonce nonce_of(std::string_view text) {
  Nonce nonce{};
  std::ranges::copy(bytes_of(text), nonce.begin());
  return nonce;
}

std::string sealed_hex(Box& box, std::string_view nonce, std::string_view bound,
                       std::string_view content) {
  std::vector<std::byte> sealed(content.size() + tag_bytes);
  const auto into = std::span(sealed);
  box.seal_with(nonce_of(nonce), bytes_of(bound), bytes_of(content), into.first(content.size()),
                into.last<tag_bytes>());
  return to_hex(sealed);
}

// The specification's two vectors: the subkey's top bit clear, and set.
TEST(BoxTest, MakesWhatTheSpecificationsVectorsSay) {
  Box ones(repeated(std::byte{1}));
  EXPECT_EQ(sealed_hex(ones, "ABCDEFGHIJKLMNOPQRSTUVWX", "", "XAES-256-GCM"),
            "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
  Box threes(repeated(std::byte{3}));
  EXPECT_EQ(sealed_hex(threes, "ABCDEFGHIJKLMNOPQRSTUVWX", "c2sp.org/XAES-256-GCM", "XAES-256-GCM"),
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
}

TEST(BoxTest, OpensTheSpecificationsVectors) {
  Box box(repeated(std::byte{3}));
  const auto sealed = from_digits("986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
  std::vector<std::byte> content(12);
  EXPECT_TRUE(box.open_with(nonce_of("ABCDEFGHIJKLMNOPQRSTUVWX"), bytes_of("c2sp.org/XAES-256-GCM"),
                            std::span(sealed).first(12), std::span(sealed).last<tag_bytes>(),
                            content));
  EXPECT_TRUE(std::ranges::equal(content, bytes_of("XAES-256-GCM")));
}

class SealedTest : public testing::Test {
 protected:
  SealedTest() : content_(1000), sealed_(content_.size() + overhead_bytes) {
    for (std::size_t i = 0; i < content_.size(); ++i) content_[i] = static_cast<std::byte>(i * 7);
    box_.seal(bytes_of("here"), content_, sealed_);
  }
  bool opens(std::string_view bound, std::span<const std::byte> sealed) {
    std::vector<std::byte> into(sealed.size() - overhead_bytes);
    return box_.open(bytes_of(bound), sealed, into) && into == content_;
  }

  const Key key_ = Key::random();
  Box box_{key_};
  std::vector<std::byte> content_;
  std::vector<std::byte> sealed_;
};

TEST_F(SealedTest, OpensAgainAndAgainAndInPlace) {
  EXPECT_TRUE(opens("here", sealed_));
  EXPECT_TRUE(opens("here", sealed_));
  std::vector<std::byte> in_place(content_.size() + overhead_bytes);
  std::ranges::copy(content_, in_place.begin() + nonce_bytes);
  box_.seal(bytes_of("here"), std::span(in_place).subspan(nonce_bytes, content_.size()), in_place);
  EXPECT_TRUE(opens("here", in_place));
  EXPECT_NE(in_place, sealed_) << "the nonce is another one each time";
}

TEST_F(SealedTest, RefusesEveryFlippedBit) {
  for (std::size_t i = 0; i < 8 * sealed_.size(); ++i) {
    std::vector<std::byte> flipped = sealed_;
    flipped[i / 8] ^= static_cast<std::byte>(1 << i % 8);
    ASSERT_FALSE(opens("here", flipped)) << "bit " << i;
  }
}

TEST_F(SealedTest, RefusesEveryOtherLengthAndPlaceAndKey) {
  for (std::size_t size = overhead_bytes; size < sealed_.size(); ++size)
    ASSERT_FALSE(opens("here", std::span(sealed_).first(size))) << size;
  std::vector<std::byte> longer = sealed_;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(opens("here", longer));
  EXPECT_FALSE(opens("there", sealed_));
  EXPECT_FALSE(opens("", sealed_));
  Box other(Key::random());
  std::vector<std::byte> into(content_.size());
  EXPECT_FALSE(other.open(bytes_of("here"), sealed_, into));
}

TEST_F(SealedTest, AnEmptyContentHasATagToo) {
  std::vector<std::byte> sealed(overhead_bytes);
  box_.seal(bytes_of("nothing"), {}, sealed);
  EXPECT_TRUE(box_.open(bytes_of("nothing"), sealed, {}));
  sealed[30] ^= std::byte{1};
  EXPECT_FALSE(box_.open(bytes_of("nothing"), sealed, {}));
}

TEST_F(SealedTest, NoncesDoNotRepeat) {
  std::set<Nonce> seen;
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(seen.insert(random_nonce()).second);
}

}  // namespace
}  // namespace restored::seal
