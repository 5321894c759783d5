// What a change of the key that wraps a repository's data keys did.
#pragma once

#include <cstdint>
#include <string>

namespace restored {

struct RekeyReport {
  std::string key;              // id of the key that wraps them now
  std::uint64_t data_keys = 0;  // found
  std::uint64_t wrapped = 0;    // of them: with that key, by this call
  std::uint64_t removed = 0;    // what previous keys had made of them
  std::uint64_t foreign = 0;  // what keys have made of them that this agent does not have: it stays
  std::uint64_t unopened = 0;  // of the data keys: no key of this agent opens them
};

}  // namespace restored
