// CONFIG: what clients ask before they trust a server. Nothing is set here: the agent's
// configuration file is the one place for that.
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "data/command.h"
#include "data/glob.h"
#include "data/help.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

struct Parameter {
  std::string_view name;
  std::string value;
};

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

std::vector<Parameter> parameters(const ServerState& server) {
  const DataOptions& options = server.options;
  const bool synced = options.durability == Durability::device;
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  return {
      {"appendfsync", synced ? "always" : "everysec"},
      {"appendonly", "yes"},
      {"bind", host},
      {"client-output-buffer-limit",
       "normal " + number(options.output_buffer_bytes_max) + " 0 0 slave 0 0 0 pubsub 0 0 0"},
      {"client-query-buffer-limit", number(options.input_buffer_bytes_max)},
      {"cluster-enabled", "no"},
      {"databases", "1"},
      {"hz", "10"},
      {"io-threads", number(options.threads)},
      {"loglevel", "notice"},
      {"maxclients", number(options.clients_max)},
      {"maxmemory", "0"},
      {"maxmemory-policy", "noeviction"},
      {"notify-keyspace-events", ""},
      {"port", number(server.port)},
      {"proto-max-bulk-len", number(options.value_bytes_max)},
      {"replicaof", ""},
      {"requirepass", ""},
      {"save", ""},
      {"slaveof", ""},
      {"tcp-keepalive", number(options.tcp_keepalive_seconds)},
      {"timeout", "0"},
      {"unixsocket", options.unix_path},
  };
}

bool is_pattern(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

void config_get(Call& call) {
  const std::vector<Parameter> known = parameters(call.client.server);
  std::vector<Parameter> matching;
  for (const Parameter& parameter : known) {
    for (const std::string_view word : call.arguments.subspan(2)) {
      if (is_pattern(word) ? !glob_matches(word, parameter.name, true)
                           : !equals_ignoring_case(word, parameter.name)) {
        continue;
      }
      // Who asked by name gets the name back as it was written.
      matching.push_back({is_pattern(word) ? parameter.name : word, parameter.value});
      break;
    }
  }
  call.reply.map(matching.size());
  for (const Parameter& parameter : matching) {
    call.reply.bulk(parameter.name);
    call.reply.bulk(parameter.value);
  }
}

void config_resetstat(Call& call) {
  call.client.database->counters.reset();
  call.reply.ok();
}

void config_help(Call& call) {
  reply_help(call, "config");
}

constexpr std::uint32_t admin_flags = flag_admin | flag_noscript | flag_loading | flag_stale;
constexpr std::string_view admin_categories = "@admin @slow @dangerous";

constexpr std::array subcommands{
    CommandSpec{.name = "config|get",
                .handler = config_get,
                .arity = -3,
                .flags = admin_flags,
                .categories = admin_categories,
                .docs = {.summary = "Tells the parameters that match a pattern",
                         .since = "2.0.0",
                         .group = "server",
                         .complexity = "O(N)",
                         .arguments = "parameter|block*(parameter|string)"}},
    CommandSpec{.name = "config|resetstat",
                .handler = config_resetstat,
                .arity = 2,
                .flags = admin_flags,
                .categories = admin_categories,
                .docs = {.summary = "Sets the counters of INFO to zero",
                         .since = "2.0.0",
                         .group = "server",
                         .complexity = "O(1)"}},
    CommandSpec{.name = "config|help",
                .handler = config_help,
                .arity = 2,
                .flags = flag_loading | flag_stale,
                .categories = "@slow",
                .docs = {.summary = "Lists the subcommands",
                         .since = "5.0.0",
                         .group = "server",
                         .complexity = "O(1)"}},
};

constexpr std::array table{
    CommandSpec{.name = "config",
                .arity = -2,
                .categories = "@slow",
                .docs = {.summary = "Commands about the configuration",
                         .since = "2.0.0",
                         .group = "server",
                         .complexity = "Depends on subcommand."},
                .subcommands = subcommands},
};

}  // namespace

std::span<const CommandSpec> config_commands() {
  return table;
}

}  // namespace restored::data
