// Contents of databases that can be told from one another and from mixtures: each has a tag, and
// the tag decides every record. Tag 0 is the empty content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "restored/keyspace.h"

namespace restored::simulation {

struct Shape {
  std::size_t records = 1;
  std::size_t value_bytes = 1;
};

// Makes any content the one of `tag`, in one step.
WriteSet change_to(std::uint64_t tag, const Shape& shape);

// The tag of everything that is there; or what is wrong with it. `failed` when reading did, which
// says nothing about the content.
struct Mixture {
  bool failed = false;
  std::string what;
};
std::expected<std::uint64_t, Mixture> tag_of(const Generation& generation, const Shape& shape);

}  // namespace restored::simulation
