#include "seal/key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "hexadecimal.h"
#include "seal/content_mac.h"
#include "seal/kdf.h"

namespace restored::seal {
namespace {

using test::bytes_of;
using test::from_digits;

// RFC 4231, test case 2; RFC 5869, test case 3: the first 32 of its 42 bytes.
TEST(KdfTest, MakesWhatTheVectorsOfTheRfcsSay) {
  EXPECT_EQ(to_hex(hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  Hash derived{};
  hkdf_sha256(from_digits("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), "", derived);
  EXPECT_EQ(to_hex(derived), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

constexpr std::string_view digits =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff";

TEST(KeyTest, IsReadFromHexadecimalAndBase64) {
  for (const std::string_view text :
       {digits, std::string_view("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=\n"),
        std::string_view("  AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8"),
        std::string_view("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8\r\n")}) {
    const auto key = Key::parse(text);
    ASSERT_TRUE(key) << text;
    EXPECT_EQ(to_hex(key->bytes()), digits);
  }
}

TEST(KeyTest, NothingElseIsAKey) {
  for (const std::string_view text :
       {"", "password", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",  // 31 bytes
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv9=",                  // bits that are left over
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH!8=",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1ef",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1exx",
        "00112233445566778899aabbccddeeff"}) {
    EXPECT_FALSE(Key::parse(text)) << text;
  }
}

TEST(KeyTest, DerivedKeysAndFingerprintsDependOnKeyAndPurpose) {
  const Key one = Key::random();
  const Key two = Key::random();
  std::set<std::string> seen;
  for (const Key* key : {&one, &two}) {
    seen.insert(to_hex(key->bytes()));
    for (const char* purpose : {"a", "b"}) {
      seen.insert(to_hex(key->derive(purpose).bytes()));
      EXPECT_EQ(key->fingerprint(purpose).size(), 32U);
      seen.insert(key->fingerprint(purpose));
    }
  }
  EXPECT_EQ(seen.size(), 10U);
  EXPECT_EQ(one.fingerprint("a"), Key::copy(one.bytes()).fingerprint("a"));
}

Hash mac(ContentMac& content, std::initializer_list<std::string_view> parts,
         std::string_view bound) {
  content.begin();
  for (const std::string_view part : parts) content.add(bytes_of(part));
  return content.end(bytes_of(bound));
}

TEST(ContentMacTest, SaysWhatTheContentIsUnderItsKey) {
  const Key key = Key::random();
  ContentMac one(key);
  ContentMac same(key);
  ContentMac other(Key::random());
  const Hash made = mac(one, {"part one", "part two"}, "16");
  EXPECT_EQ(made, mac(one, {"part one", "part two"}, "16")) << "a begin() forgets what was";
  EXPECT_EQ(made, mac(same, {"part one", "part two"}, "16"));
  EXPECT_NE(made, mac(other, {"part one", "part two"}, "16"));
  EXPECT_NE(made, mac(one, {"part two", "part one"}, "16"));
  EXPECT_NE(made, mac(one, {"part onepart two"}, "16"));
  EXPECT_NE(made, mac(one, {"part one", "part twp"}, "16"));
  EXPECT_NE(made, mac(one, {"part one", "part two"}, "17"));
  EXPECT_NE(made, mac(one, {"part one", "part two", ""}, "16"));
}

}  // namespace
}  // namespace restored::seal
