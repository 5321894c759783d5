// A fuzz target: one parser of bytes that others wrote, and what has to hold of it. The same
// function runs under libFuzzer (libfuzzer_main.cc) and over the files of the tree, as a unit test
// (replay_test.cc). A property that does not hold aborts the process.
#pragma once

#include <cstddef>
#include <source_location>
#include <string_view>
#include <vector>

#include "restored/error.h"

namespace restored::fuzz {

struct Target {
  std::string_view name;  // of its folders in corpus/ and regressions/, and of its program
  std::size_t input_bytes_max;
  // REQUIRES: leaves nothing behind that changes what the next call does.
  void (*run)(std::string_view input);
};

// Those that are linked into this program.
const std::vector<Target>& targets();

// At namespace scope of a target's file: `const Registration registration({"resp", 4096, run});`
class Registration {
 public:
  explicit Registration(const Target& target);
};

// The property, as a sentence, is printed when it does not hold.
void require(bool holds, std::string_view property,
             std::source_location where = std::source_location::current());

bool is_utf8(std::string_view text);
// What holds of every error: a code of the table, a message that is one bounded line of UTF-8
// without control characters.
void require_sound(const Error& error,
                   std::source_location where = std::source_location::current());

}  // namespace restored::fuzz
