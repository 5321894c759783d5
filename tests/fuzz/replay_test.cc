// Every input of the tree through its target, once, in every build: what the fuzzers begin with,
// and what they have found.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/log.h"
#include "support/temporary_directory.h"
#include "target.h"

namespace restored::fuzz {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_of(std::string_view folder, std::string_view target) {
  std::vector<std::string> files;
  const fs::path directory = fs::path(FUZZ_DIRECTORY) / folder / target;
  if (!fs::exists(directory)) return files;
  for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

class FuzzTest : public ::testing::TestWithParam<Target> {};

TEST_P(FuzzTest, HoldsForEveryInputOfTheTree) {
  log::set_level(log::Level::error);
  std::size_t run = 0;
  for (const std::string_view folder : {"corpus", "regressions"}) {
    for (const std::string& path : files_of(folder, GetParam().name)) {
      const std::string input = test::read_whole_file(path);
      ASSERT_LE(input.size(), GetParam().input_bytes_max) << path;
      // It aborts where a property does not hold: say for which file before that.
      SCOPED_TRACE(path);
      std::fprintf(stderr, "%s\r", path.c_str());
      GetParam().run(input);
      ++run;
    }
  }
  std::fprintf(stderr, "%zu inputs of %s\n", run, std::string(GetParam().name).c_str());
  EXPECT_GT(run, 0u) << "a target without a seed never gets behind its first check";
}

// Inputs that are cut short anywhere are what a broken connection or disk leaves.
TEST_P(FuzzTest, HoldsForNothingAtAll) {
  GetParam().run({});
}

TEST(FuzzTreeTest, EveryFolderHasItsTarget) {
  for (const std::string_view folder : {"corpus", "regressions"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(FUZZ_DIRECTORY) / folder)) {
      const std::string name = entry.path().filename();
      EXPECT_TRUE(std::ranges::any_of(targets(), [&](const Target& known) {
        return known.name == name;
      })) << entry.path();
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<Target>& tested) {
  return std::string(tested.param.name);
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzTest, ::testing::ValuesIn(targets()), name_of);

}  // namespace
}  // namespace restored::fuzz
