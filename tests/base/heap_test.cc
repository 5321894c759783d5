#include "base/heap.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace restored {
namespace {

std::size_t resident_kilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kilobytes = 0;
    if (word == "RssAnon:" && status >> kilobytes) return kilobytes;
  }
  return 0;
}

TEST(HeapTest, WhatIsFreeBetweenPiecesInUseGoesBack) {
  constexpr std::size_t piece = 16 * 1024;
  constexpr std::size_t count = 8192;
  std::vector<std::unique_ptr<char[]>> pieces;
  for (std::size_t i = 0; i < count; ++i) {
    pieces.push_back(std::make_unique_for_overwrite<char[]>(piece));
    std::memset(pieces.back().get(), 1, piece);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 16 != 0) pieces[i].reset();
  }
  const std::size_t before = resident_kilobytes();
  give_back_heap();
  EXPECT_LT(resident_kilobytes() + piece / 1024 * count / 2, before);
}

}  // namespace
}  // namespace restored
