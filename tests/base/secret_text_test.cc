#include "base/secret_text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace restored {
namespace {

// The kernel's flags of the mapping that holds this address.
std::string mapping_flags(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool within = false;
  while (std::getline(maps, line)) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2)
      within = begin <= wanted && wanted < end;
    if (within && line.starts_with("VmFlags:")) return line + ' ';
  }
  return {};
}

TEST(SecretTextTest, HoldsWhatItWasMadeOf) {
  EXPECT_EQ(SecretText::copy("abc").view(), "abc");
  EXPECT_EQ(SecretText::joined({"AWS4", "", "abc"}).view(), "AWS4abc");
  EXPECT_EQ(SecretText::of_size(3).view(), std::string(3, '\0'));
  EXPECT_TRUE(SecretText().empty());
  EXPECT_TRUE(SecretText::copy("").empty());
  const std::string large(100'000, 'x');
  EXPECT_EQ(SecretText::copy(large).view(), large);
}

TEST(SecretTextTest, MovesLeaveNothingBehind) {
  SecretText first = SecretText::copy("first");
  SecretText second = std::move(first);
  EXPECT_EQ(second.view(), "first");
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): what is tested
  SecretText held = SecretText::copy("held");
  held = std::move(second);
  EXPECT_EQ(held.view(), "first");
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move): what is tested
  SecretText& same = held;
  held = std::move(same);
  EXPECT_EQ(held.view(), "first");
}

TEST(SecretTextTest, CoreDumpsLeaveItOut) {
  const SecretText text = SecretText::copy("secret");
  EXPECT_NE(mapping_flags(text.view().data()).find(" dd "), std::string::npos);
  // The other memory of this process is in them, or the assertion above says nothing.
  const std::string other(100'000, 'x');
  EXPECT_EQ(mapping_flags(other.data()).find(" dd "), std::string::npos);
}

TEST(SecretTextTest, WhatIsCutOffIsOverwritten) {
  SecretText text = SecretText::copy("secret and more");
  const volatile char* const memory = text.view().data();
  text.shrink(6);
  EXPECT_EQ(text.view(), "secret");
  for (std::size_t at = 6; at < 15; ++at) EXPECT_EQ(memory[at], '\0') << at;
  text.shrink(0);
  for (std::size_t at = 0; at < 6; ++at) EXPECT_EQ(memory[at], '\0') << at;
}

TEST(SecretTextTest, NothingOfItIsInTheProcessAfterItsEnd) {
  const UniqueFd memory(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(memory);
  char seen[6] = {};
  off_t where = 0;
  {
    const SecretText text = SecretText::copy("secret");
    where = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(text.view().data()));
    ASSERT_EQ(::pread(memory.get(), seen, sizeof seen, where), 6);
    ASSERT_EQ(std::string_view(seen, 6), "secret");
  }
  std::fill_n(seen, sizeof seen, '\0');
  // Most often nothing is mapped there any more.
  static_cast<void>(::pread(memory.get(), seen, sizeof seen, where));
  EXPECT_NE(std::string_view(seen, 6), "secret");
}

TEST(SecretTextTest, AWipedStringIsOverwrittenToItsCapacity) {
  std::string text(100, 'x');
  text.reserve(200);
  text.resize(50);  // the other half of the secret is still there
  const volatile char* const memory = text.data();
  wipe(text);
  EXPECT_TRUE(text.empty());
  for (std::size_t at = 0; at < 100; ++at) ASSERT_EQ(memory[at], '\0') << at;
  std::string small = "short";
  wipe(small);
  EXPECT_TRUE(small.empty());
  {
    const WipeAtEnd wiped(text);
    text = "again";
  }
  EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace restored
