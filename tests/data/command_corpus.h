// What the differential test asks both servers: scripts by hand, and random commands by seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "raw_client.h"

namespace restored::test {

// The lines of scripts/, in the form of the inline protocol; state carries over from line to line.
std::vector<std::string> scripted_lines();

// Random commands over few keys, so that they meet; about one in ten is wrong in some way.
class RandomCommands {
 public:
  explicit RandomCommands(std::uint64_t seed) : random_(seed) {}
  Words next();

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  std::string pick(std::initializer_list<std::string_view> choices);
  std::string key();
  std::string value();
  std::string integer();
  std::string moment();  // a far one, absolute
  Words string_command();
  Words key_command();
  Words expiry_command();
  Words set_command();

  std::mt19937_64 random_;
};

}  // namespace restored::test
