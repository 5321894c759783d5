// The rules of object keys, the same for every driver: segments of [A-Za-z0-9._-] joined by '/',
// none empty, none beginning with a dot. So no key can leave the repository's prefix or reach the
// names that drivers keep for themselves, which begin with a dot.
#pragma once

#include <array>
#include <string_view>

#include "restored/error.h"

namespace restored::store {

// Errors: invalid_argument.
Result<void> check_key(std::string_view key);
// A prefix may also be empty or end with '/'.
Result<void> check_prefix(std::string_view prefix);
bool valid_segment(std::string_view segment);

// What `restorectl repository check` writes.
inline constexpr std::string_view check_folder = "check/";
// All that we upload in parts lies in these (objects/: format::object_key()). An unfinished upload
// of any other key is somebody else's, in a bucket that is not ours alone.
inline constexpr std::array uploaded_folders = {std::string_view("objects/"), check_folder};

}  // namespace restored::store
