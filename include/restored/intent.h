// What a client's repeated request must find again: the ids and secrets of what a request makes
// follow from its seed, so that whoever carries it out twice makes one thing.
#pragma once

#include <string>
#include <string_view>

#include "restored/ids.h"

namespace restored {

// Threading: a value.
struct Intent {
  // Uniformly random bytes, at least 32, and a secret wherever one is made; empty: everything is
  // random, and a second call makes a second thing.
  std::string seed = {};

  bool given() const { return !seed.empty(); }
  template <class Tag>
  Id<Tag> id(std::string_view what) const {
    return Id<Tag>(id_text(what));
  }
  // As random_secret() makes it.
  std::string secret(std::string_view what) const;
  // As random_id() makes it.
  std::string id_text(std::string_view what) const;
};

}  // namespace restored
