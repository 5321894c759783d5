// The verbs and options of the command line as plain values, for what is made of them: completion
// and the manual. Threading: values.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace restored::ctl {

struct OptionFacts {
  std::string name;     // "--json", or a positional's "DATABASE"
  std::string value;    // "TEXT"; empty: a flag
  std::string purpose;  // one sentence
  std::string environment;
  std::string default_value;
  bool positional = false;
  bool required = false;
};

struct VerbFacts {
  std::string words;  // "operation wait"; empty: the program itself
  std::string purpose;
  std::string footer;
  std::vector<OptionFacts> options;
  std::vector<std::string> verbs;  // below it, in their order
};

// The program first, then every verb, each before what is below it.
std::vector<VerbFacts> command_tree(const CLI::App& app);

}  // namespace restored::ctl
