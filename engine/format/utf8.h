// UTF-8, because JSON text must be it and names that people give may not be.
#pragma once

#include "base/utf8.h"

namespace restored::format {

using restored::to_utf8;

}  // namespace restored::format
