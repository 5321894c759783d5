// All commands by name. Immutable, so any thread may use it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "data/command.h"

namespace restored::data {

class CommandTable {
 public:
  static const CommandTable& instance();

  // Whatever the case of `name`; null when there is none. Allocates nothing.
  const CommandSpec* find(std::string_view name) const;
  const std::vector<const CommandSpec*>& commands() const { return commands_; }

  static const CommandSpec* find_subcommand(const CommandSpec& container, std::string_view name);

 private:
  static constexpr std::size_t slot_count = 256;  // a power of two, far above the commands

  CommandTable();
  void add(std::span<const CommandSpec> family);
  static std::size_t hash(std::string_view name);

  std::vector<const CommandSpec*> commands_;
  std::array<const CommandSpec*, slot_count> slots_{};
};

}  // namespace restored::data
