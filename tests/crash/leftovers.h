// What a look at the disk finds that nobody explains.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "database_model.h"

namespace restored::crash_test {

struct Expected {
  std::map<std::string, Generations> databases;  // by id, without its prefix
  std::set<std::string> left_documents;          // backups whose removal was cut off
};

// By name; empty for what is no database.
std::vector<std::string> column_families_of(const std::string& directory);

// Column families, staged files, directories and temporary files of the state directory. What is
// retired goes in the background, so it is looked at again for a while.
std::vector<std::string> stray_state(const std::string& state, const Expected& expected);

// Documents of backups that have no manifest.
std::vector<std::string> stray_documents(const std::string& repository, const Expected& expected);
// After a collection of what is old: whatever is neither a backup's document nor an object.
std::vector<std::string> stray_files(const std::string& repository);

// As if eight days had passed: what nobody names counts as left behind, and so does the mark of a
// collection that was killed.
void grow_old(const std::string& repository);
// As if eleven minutes had passed, for the marks of collections that were killed.
void grow_stale_marks(const std::string& repository);

}  // namespace restored::crash_test
