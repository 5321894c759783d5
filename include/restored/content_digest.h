// What a whole content is, in three numbers that do not depend on the order of its rows: two
// contents whose digests are equal hold the same rows.
//
// The hash is a sum, modulo 2^128, of one XXH3-128 a row, over the lengths of key and value and
// both of them (format/content_digest.h). A sum is the same in whatever order it is made, so it
// does not matter which level, file or thread gave a row; unlike an exclusive or it tells a row
// that is there twice from one that is not there. This is the additive multiset hash
// ("MSet-Add-Hash" of Clarke and others, Asiacrypt 2003; AdHash of Bellare and Micciancio, 1997)
// with a hash function that is not cryptographic: it finds what went wrong, not what a forger has
// made.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "restored/ids.h"
#include "restored/units.h"

namespace restored {

struct ContentDigest {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;             // of their keys and values, as they are stored
  std::array<std::uint64_t, 2> sum{};  // low half first
  std::string hash() const;            // 32 hexadecimal digits, high half first
  friend bool operator==(const ContentDigest&, const ContentDigest&) = default;
};

struct ContentFacts {
  UnixMillis as_of = 0;
  ContentDigest stored;     // every row
  ContentDigest unexpired;  // those that had not expired at as_of: what clients could see then
};

// The live content of a database at one moment.
struct LiveContent {
  GenerationNumber generation = 0;
  ContentFacts facts;
};

}  // namespace restored
