// What a command is (one row of the table) and what its handler works on (one call of it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "data/client.h"
#include "data/view.h"
#include "restored/error.h"

namespace restored::data {

using Arguments = std::span<const std::string_view>;  // the command's name first
struct Call;

// The first ones are Redis' own, in the order in which COMMAND INFO names them.
enum CommandFlag : std::uint32_t {
  flag_write = 1u << 0,
  flag_readonly = 1u << 1,
  flag_denyoom = 1u << 2,
  flag_admin = 1u << 3,
  flag_noscript = 1u << 4,
  flag_loading = 1u << 5,
  flag_stale = 1u << 6,
  flag_skip_slowlog = 1u << 7,
  flag_fast = 1u << 8,
  flag_no_auth = 1u << 9,
  flag_allow_busy = 1u << 10,
  flag_no_async_loading = 1u << 11,
  // Ours, not shown.
  flag_worker = 1u << 16,     // blocks: never on a serving thread
  flag_immediate = 1u << 17,  // not queued inside MULTI
};

struct KeyPositions {
  int first = 0;  // 0: no keys
  int last = 0;   // negative: counted from the end
  int step = 0;
};

struct CommandDocs {
  std::string_view summary;
  std::string_view since;
  std::string_view group;
  std::string_view complexity;
  std::string_view arguments = {};  // see command_docs.cc for the notation
  std::string_view deprecated_since = {};
  std::string_view replaced_by = {};
};

struct CommandSpec {
  std::string_view name;  // lower case; "client|kill" for a subcommand
  void (*handler)(Call&) = nullptr;
  int arity = 0;  // with the name; negative: at least
  std::uint32_t flags = 0;
  KeyPositions keys = {};
  std::string_view categories = {};  // separated by spaces
  std::string_view tips = {};
  std::string_view key_flags = {};  // of each key range, separated by ';', each "RO access"
  CommandDocs docs = {};
  std::span<const CommandSpec> subcommands = {};
  // Bytes that a call will read or write beyond its arguments, as far as they tell.
  std::size_t (*weight)(Arguments) = nullptr;

  bool has(CommandFlag flag) const { return (flags & flag) != 0; }
};

// One execution of one command. A handler replies exactly once.
struct Call {
  Client& client;
  const CommandSpec& spec;
  Arguments arguments;
  Reply& reply;
  View* view;  // null for commands without data
  UnixMillis now;
  bool in_exec = false;
  std::vector<std::function<void()>>* after_exec = nullptr;  // with in_exec

  std::string_view argument(std::size_t index) const { return arguments[index]; }
  std::size_t count() const { return arguments.size(); }

  // False: an error was replied.
  bool find(std::string_view key, std::optional<StoredValue>& value);
  bool find_string(std::string_view key, std::optional<StoredValue>& value);
  // What was learnt of a key by reading it (null: it is not there): for what is counted, and for
  // who is to run its commands.
  void note_found(std::string_view key, const record::Metadata* value);
  bool integer(std::size_t index, std::int64_t& value);

  void storage_error(const Error& error) const;
  void syntax_error() const { reply.error("ERR syntax error"); }
};

// The text for a client: what went wrong and what to do about it.
std::string storage_error_text(const Error& error);
std::string write_error_text(const Error& error);

// The tables of the families.
std::span<const CommandSpec> connection_commands();
std::span<const CommandSpec> client_commands();
std::span<const CommandSpec> string_commands();
std::span<const CommandSpec> edit_commands();
std::span<const CommandSpec> key_commands();
std::span<const CommandSpec> expiry_commands();
std::span<const CommandSpec> scan_commands();
std::span<const CommandSpec> transaction_commands();
std::span<const CommandSpec> server_commands();
std::span<const CommandSpec> config_commands();
std::span<const CommandSpec> command_commands();

}  // namespace restored::data
