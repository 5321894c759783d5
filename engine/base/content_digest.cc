#include "restored/content_digest.h"

#include <fmt/core.h>

namespace restored {

std::string ContentDigest::hash() const {
  return fmt::format("{:016x}{:016x}", sum[1], sum[0]);
}

}  // namespace restored
