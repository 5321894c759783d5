// Manifests that are consistent, with values that the fuzzer chooses.
#pragma once

#include <vector>

#include "choices.h"
#include "format/frame.h"
#include "format/manifest.h"

namespace restored::fuzz {

struct MadeBackup {
  format::Manifest manifest;
  std::vector<format::Frame> frames;
};
MadeBackup made_backup(Choices& choices);

}  // namespace restored::fuzz
