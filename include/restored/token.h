// Tokens of the control API and what they may do; what a password of the data plane opens.
#pragma once

#include <cstdint>
#include <string>

#include "restored/ids.h"
#include "restored/units.h"

namespace restored {

enum class Scope : std::uint8_t { read = 1, write = 2, restore = 4 };
using Scopes = std::uint8_t;  // sum of Scope bits; the administrator has all

struct TokenInfo {
  TokenId id;
  std::string name;
  Scopes scopes = 0;
  UnixMillis created_at = 0;
};
struct NewToken {
  TokenInfo info;
  std::string secret;  // shown once
};

// What a password on the data plane opens.
struct Credential {
  ConnectionId connection;
  DatabaseId database;
};

}  // namespace restored
