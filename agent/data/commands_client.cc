// CLIENT and its subcommands.
#include <fmt/format.h>

#include <array>
#include <limits>

#include "data/client_name.h"
#include "data/command.h"
#include "data/help.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

constexpr std::uint32_t plain_flags = flag_noscript | flag_loading | flag_stale;
constexpr std::uint32_t admin_flags = plain_flags | flag_admin;
constexpr std::string_view plain_categories = "@slow @connection";
constexpr std::string_view admin_categories = "@admin @slow @dangerous @connection";

std::string describe(const ClientRecord& client, UnixMillis now) {
  const CommandSpec* command = client.command;
  const int queued = client.queued;
  std::string flags;
  if (queued >= 0) flags += 'x';
  if (client.no_evict) flags += 'e';
  if (client.no_touch) flags += 'T';
  if (flags.empty()) flags = "N";
  const MutexLock lock(client.mutex);
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub=0 psub=0 ssub=0 "
      "multi={} qbuf={} qbuf-free={} argv-mem=0 multi-mem={} rbs=0 rbp=0 obl=0 oll={} omem={} "
      "tot-mem={} events={} cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}\n",
      client.id, client.address, client.local_address, client.fd, client.name,
      (now - client.connected_at) / 1000, (now - client.active_at) / 1000, flags, queued,
      client.input_bytes.load(), client.input_free_bytes.load(), client.queued_bytes.load(),
      client.output_chunks.load(), client.output_bytes.load(),
      client.input_bytes + client.input_free_bytes + client.queued_bytes + client.output_bytes,
      client.output_bytes > 0 ? "rw" : "r", command != nullptr ? command->name : "NULL",
      client.protocol.load(), client.library_name, client.library_version);
}

bool known_type(std::string_view type) {
  for (const std::string_view known : {"normal", "slave", "replica", "pubsub", "master"}) {
    if (equals_ignoring_case(type, known)) return true;
  }
  return false;
}

// False: an error was replied.
bool parse_type(Call& call, std::string_view type) {
  if (known_type(type)) return true;
  call.reply.error("ERR Unknown client type '" + std::string(type) + "'");
  return false;
}

std::vector<std::shared_ptr<ClientRecord>> neighbours(const Call& call) {
  return call.client.server.clients.of_database(call.client.database->id);
}

void client_id(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(call.client.record->id));
}

void client_getname(Call& call) {
  const std::string name = call.client.record->name_now();
  if (name.empty()) return call.reply.null();
  call.reply.bulk(name);
}

void client_setname(Call& call) {
  if (!valid_client_name(call.argument(2))) return call.reply.error(client_name_error);
  const MutexLock lock(call.client.record->mutex);
  call.client.record->name = call.argument(2);
  call.reply.ok();
}

void client_setinfo(Call& call) {
  const bool is_name = equals_ignoring_case(call.argument(2), "lib-name");
  if (!is_name && !equals_ignoring_case(call.argument(2), "lib-ver")) {
    return call.reply.error("ERR Unrecognized option '" + std::string(call.argument(2)) + "'");
  }
  if (!valid_client_name(call.argument(3))) {
    return call.reply.error(
        fmt::format("ERR {} cannot contain spaces, newlines or special characters.",
                    to_lower(call.argument(2))));
  }
  ClientRecord& record = *call.client.record;
  const MutexLock lock(record.mutex);
  (is_name ? record.library_name : record.library_version) = call.argument(3);
  call.reply.ok();
}

void client_info(Call& call) {
  call.reply.verbatim(describe(*call.client.record, call.now));
}

void client_list(Call& call) {
  bool normal = true;
  std::vector<std::uint64_t> ids;
  if (call.count() == 4 && equals_ignoring_case(call.argument(2), "type")) {
    if (!parse_type(call, call.argument(3))) return;
    normal = equals_ignoring_case(call.argument(3), "normal");
  } else if (call.count() > 3 && equals_ignoring_case(call.argument(2), "id")) {
    for (std::size_t i = 3; i < call.count(); ++i) {
      const auto id = parse_integer(call.argument(i));
      if (!id) return call.reply.error("ERR Invalid client ID");
      ids.push_back(static_cast<std::uint64_t>(*id));
    }
  } else if (call.count() != 2) {
    return call.syntax_error();
  }
  std::string lines;
  if (normal) {
    const auto clients = neighbours(call);
    if (ids.empty()) {
      for (const auto& client : clients) lines += describe(*client, call.now);
    }
    for (const std::uint64_t id : ids) {
      for (const auto& client : clients) {
        if (client->id == id) lines += describe(*client, call.now);
      }
    }
  }
  call.reply.verbatim(lines);
}

struct KillFilter {
  std::optional<std::uint64_t> id;
  std::optional<std::string_view> address;
  std::optional<std::string_view> local_address;
  bool normal = true;
  bool skip_me = true;

  bool matches(const ClientRecord& client) const {
    return normal && (!id || client.id == *id) && (!address || client.address == *address) &&
           (!local_address || client.local_address == *local_address);
  }
};

// One "FILTER value" pair. False: an error was replied.
bool parse_filter(Call& call, std::string_view name, std::string_view value, KillFilter& filter) {
  if (equals_ignoring_case(name, "id")) {
    const auto id = parse_integer(value);
    if (!id || *id < 1) {
      call.reply.error("ERR client-id should be greater than 0");
      return false;
    }
    filter.id = static_cast<std::uint64_t>(*id);
  } else if (equals_ignoring_case(name, "type")) {
    if (!parse_type(call, value)) return false;
    filter.normal = equals_ignoring_case(value, "normal");
  } else if (equals_ignoring_case(name, "addr")) {
    filter.address = value;
  } else if (equals_ignoring_case(name, "laddr")) {
    filter.local_address = value;
  } else if (equals_ignoring_case(name, "user")) {
    if (value != "default") {
      call.reply.error("ERR No such user '" + std::string(value) + "'");
      return false;
    }
  } else if (equals_ignoring_case(name, "skipme") &&
             (equals_ignoring_case(value, "yes") || equals_ignoring_case(value, "no"))) {
    filter.skip_me = equals_ignoring_case(value, "yes");
  } else {
    call.syntax_error();
    return false;
  }
  return true;
}

void client_kill(Call& call) {
  KillFilter filter;
  const bool by_address = call.count() == 3;  // the form of Redis 2.4
  if (by_address) {
    filter.address = call.argument(2);
    filter.skip_me = false;
  } else {
    for (std::size_t i = 2; i < call.count(); i += 2) {
      if (i + 1 >= call.count()) return call.syntax_error();
      if (!parse_filter(call, call.argument(i), call.argument(i + 1), filter)) return;
    }
  }
  std::int64_t killed = 0;
  for (const auto& client : neighbours(call)) {
    if (!filter.matches(*client)) continue;
    const bool me = client->id == call.client.record->id;
    if (me && filter.skip_me) continue;
    if (me) {
      call.client.closing = true;  // after the reply
    } else {
      client->close();
      // Its end takes a moment, but from this reply on nobody sees it any more.
      call.client.server.clients.remove(client->id);
    }
    ++killed;
  }
  if (!by_address) return call.reply.integer(killed);
  if (killed == 0) return call.reply.error("ERR No such client");
  call.reply.ok();
}

void set_switch(Call& call, std::atomic<bool>& value) {
  const bool on = equals_ignoring_case(call.argument(2), "on");
  if (!on && !equals_ignoring_case(call.argument(2), "off")) return call.syntax_error();
  value = on;
  call.reply.ok();
}

void client_no_evict(Call& call) {
  set_switch(call, call.client.record->no_evict);
}

void client_no_touch(Call& call) {
  set_switch(call, call.client.record->no_touch);
}

void client_help(Call& call) {
  reply_help(call, "client");
}

constexpr CommandSpec sub(std::string_view name, void (*handler)(Call&), int arity,
                          std::string_view summary, std::string_view since, bool admin = false,
                          std::string_view arguments = {}, std::string_view tips = {}) {
  return {.name = name,
          .handler = handler,
          .arity = arity,
          .flags = admin ? admin_flags : plain_flags,
          .categories = admin ? admin_categories : plain_categories,
          .tips = tips,
          .docs = {.summary = summary,
                   .since = since,
                   .group = "connection",
                   .complexity = "O(1)",
                   .arguments = arguments}};
}

constexpr std::string_view list_arguments =
    "normal_master_replica_pubsub|oneof=TYPE?~5.0.0(normal|pure-token=NORMAL "
    "master|pure-token=MASTER replica|pure-token=REPLICA pubsub|pure-token=PUBSUB) "
    "id|block=ID?~6.2.0(client-id|integer*)";

constexpr std::string_view kill_arguments =
    "filter|oneof(ip:port|string!2.8.12 new-format|oneof*(client-id|integer=ID?~2.8.12 "
    "normal_master_slave_pubsub|oneof=TYPE?~2.8.12(normal|pure-token=NORMAL "
    "master|pure-token=MASTER~3.2.0 slave|pure-token=SLAVE replica|pure-token=REPLICA~5.0.0 "
    "pubsub|pure-token=PUBSUB) username|string=USER? ip:port|string=ADDR? "
    "ip:port|string=LADDR?~6.2.0 yes/no|string=SKIPME?))";

constexpr CommandSpec help_row = {.name = "client|help",
                                  .handler = client_help,
                                  .arity = 2,
                                  .flags = flag_loading | flag_stale,
                                  .categories = plain_categories,
                                  .docs = {.summary = "Lists the subcommands",
                                           .since = "5.0.0",
                                           .group = "connection",
                                           .complexity = "O(1)"}};

constexpr std::array subcommands{
    sub("client|id", client_id, 2, "Tells the number of this connection", "5.0.0"),
    sub("client|getname", client_getname, 2, "Tells the name of this connection", "2.6.9"),
    sub("client|setname", client_setname, 3, "Names this connection", "2.6.9", false,
        "connection-name|string"),
    sub("client|setinfo", client_setinfo, 4, "Notes which library speaks here", "7.2.0", false,
        "attr|oneof(libname|string=LIB-NAME libver|string=LIB-VER)"),
    sub("client|info", client_info, 2, "Describes this connection", "6.2.0", false, {},
        "nondeterministic_output"),
    sub("client|list", client_list, -2, "Describes all connections to this database", "2.4.0", true,
        list_arguments, "nondeterministic_output"),
    sub("client|kill", client_kill, -3, "Closes connections", "2.4.0", true, kill_arguments),
    sub("client|no-evict", client_no_evict, 3, "Protects this connection from eviction", "7.0.0",
        true, "enabled|oneof(on|pure-token=ON off|pure-token=OFF)"),
    sub("client|no-touch", client_no_touch, 3, "Keeps this connection's reads unnoticed", "7.2.0",
        false, "enabled|oneof(on|pure-token=ON off|pure-token=OFF)"),
    help_row,
};

constexpr std::array table{
    CommandSpec{.name = "client",
                .arity = -2,
                .categories = "@slow",
                .docs = {.summary = "Commands about connections",
                         .since = "2.4.0",
                         .group = "connection",
                         .complexity = "Depends on subcommand."},
                .subcommands = subcommands},
};

}  // namespace

std::span<const CommandSpec> client_commands() {
  return table;
}

}  // namespace restored::data
