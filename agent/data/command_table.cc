#include "data/command_table.h"

#include <cstdint>

#include "base/check.h"
#include "data/numbers.h"

namespace restored::data {

const CommandTable& CommandTable::instance() {
  static const CommandTable table;
  return table;
}

CommandTable::CommandTable() {
  for (const auto family :
       {connection_commands(), client_commands(), string_commands(), edit_commands(),
        key_commands(), expiry_commands(), scan_commands(), transaction_commands(),
        server_commands(), config_commands(), command_commands()}) {
    add(family);
  }
}

void CommandTable::add(std::span<const CommandSpec> family) {
  for (const CommandSpec& spec : family) {
    commands_.push_back(&spec);
    RESTORED_CHECK(2 * commands_.size() < slot_count, "the table stays sparse");
    std::size_t slot = hash(spec.name);
    while (slots_[slot] != nullptr) slot = (slot + 1) % slot_count;
    slots_[slot] = &spec;
  }
}

// FNV-1a over the lower-case name.
std::size_t CommandTable::hash(std::string_view name) {
  std::uint32_t value = 2166136261u;
  for (const char c : name) {
    value = (value ^ static_cast<unsigned char>(lower_case(c))) * 16777619u;
  }
  return value % slot_count;
}

const CommandSpec* CommandTable::find(std::string_view name) const {
  if (name.size() > 32) return nullptr;
  for (std::size_t slot = hash(name); slots_[slot] != nullptr; slot = (slot + 1) % slot_count) {
    if (equals_ignoring_case(slots_[slot]->name, name)) return slots_[slot];
  }
  return nullptr;
}

const CommandSpec* CommandTable::find_subcommand(const CommandSpec& container,
                                                 std::string_view name) {
  for (const CommandSpec& spec : container.subcommands) {
    if (equals_ignoring_case(spec.name.substr(container.name.size() + 1), name)) return &spec;
  }
  return nullptr;
}

}  // namespace restored::data
