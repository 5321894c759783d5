// AUTH, HELLO, RESET, QUIT, PING, ECHO, SELECT.
#include <array>
#include <limits>

#include "data/client_name.h"
#include "data/command.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

constexpr std::uint32_t entry_flags =
    flag_noscript | flag_loading | flag_stale | flag_fast | flag_no_auth | flag_allow_busy;

// False: an error was replied.
bool authenticate(Call& call, std::string_view user, std::string_view password) {
  Client& client = call.client;
  const std::optional<Credential> credential = client.server.engine.authenticate(user, password);
  if (call.in_exec && credential && client.database &&
      client.database->id != credential->database) {
    call.reply.error("ERR AUTH to another database is not possible inside a transaction");
    return false;
  }
  if (!credential || !client.enter(*credential)) {
    call.reply.error("WRONGPASS invalid username-password pair or user is disabled.");
    return false;
  }
  return true;
}

void auth(Call& call) {
  if (call.count() > 3) return call.syntax_error();
  const bool named = call.count() == 3;
  if (authenticate(call, named ? call.argument(1) : "default", call.argument(named ? 2 : 1))) {
    call.reply.ok();
  }
}

struct HelloOptions {
  bool authenticates = false;
  std::string_view user;
  std::string_view password;
  std::optional<std::string_view> name;
};

bool parse_hello(Call& call, HelloOptions& options) {
  for (std::size_t i = 2; i < call.count(); ++i) {
    const std::size_t more = call.count() - 1 - i;
    if (equals_ignoring_case(call.argument(i), "AUTH") && more >= 2) {
      options.authenticates = true;
      options.user = call.argument(i + 1);
      options.password = call.argument(i + 2);
      i += 2;
    } else if (equals_ignoring_case(call.argument(i), "SETNAME") && more >= 1) {
      options.name = call.argument(++i);
      if (!valid_client_name(*options.name)) {
        call.reply.error(client_name_error);
        return false;
      }
    } else {
      call.reply.error("ERR Syntax error in HELLO option '" + std::string(call.argument(i)) + "'");
      return false;
    }
  }
  return true;
}

void hello_reply(Call& call) {
  Reply& reply = call.reply;
  reply.map(7);
  reply.bulk("server");
  reply.bulk("redis");
  reply.bulk("version");
  reply.bulk(redis_version);
  reply.bulk("proto");
  reply.integer(reply.protocol());
  reply.bulk("id");
  reply.integer(static_cast<std::int64_t>(call.client.record->id));
  reply.bulk("mode");
  reply.bulk("standalone");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
}

void hello(Call& call) {
  int protocol = call.reply.protocol();
  HelloOptions options;
  if (call.count() > 1) {
    const auto wanted = parse_integer(call.argument(1));
    if (!wanted) {
      return call.reply.error("ERR Protocol version is not an integer or out of range");
    }
    if (*wanted < 2 || *wanted > 3) {
      return call.reply.error("NOPROTO unsupported protocol version");
    }
    protocol = static_cast<int>(*wanted);
    if (!parse_hello(call, options)) return;
  }
  if (options.authenticates && !authenticate(call, options.user, options.password)) return;
  if (!call.client.authenticated()) {
    return call.reply.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
        "RESP protocol version at the same time");
  }
  if (options.name) {
    const MutexLock lock(call.client.record->mutex);
    call.client.record->name = *options.name;
  }
  call.reply.set_protocol(protocol);
  call.client.record->protocol = protocol;
  hello_reply(call);
}

void reset(Call& call) {
  Client& client = call.client;
  client.end_transaction();
  client.leave();
  call.reply.set_protocol(2);
  client.record->protocol = 2;
  client.record->no_evict = false;
  client.record->no_touch = false;
  {
    const MutexLock lock(client.record->mutex);
    client.record->name.clear();
  }
  call.reply.simple("RESET");
}

void quit(Call& call) {
  call.reply.ok();
  call.client.closing = true;
}

void ping(Call& call) {
  if (call.count() > 2) {
    return call.reply.error("ERR wrong number of arguments for 'ping' command");
  }
  if (call.count() == 2) return call.reply.bulk(call.argument(1));
  call.reply.simple("PONG");
}

void echo(Call& call) {
  call.reply.bulk(call.argument(1));
}

void select(Call& call) {
  std::int64_t index = 0;
  if (!call.integer(1, index)) return;
  using Int = std::numeric_limits<int>;
  if (index < Int::min() || index > Int::max()) {
    return call.reply.error(
        "ERR value is out of range, value must between -2147483648 and 2147483647");
  }
  if (index != 0) return call.reply.error("ERR DB index is out of range");
  call.reply.ok();
}

constexpr std::array table{
    CommandSpec{.name = "auth",
                .handler = auth,
                .arity = -2,
                .flags = entry_flags,
                .categories = "@fast @connection",
                .docs = {.summary = "Opens the database that the password belongs to",
                         .since = "1.0.0",
                         .group = "connection",
                         .complexity = "O(1)",
                         .arguments = "username|string?~6.0.0 password|string"}},
    CommandSpec{.name = "hello",
                .handler = hello,
                .arity = -1,
                .flags = entry_flags,
                .categories = "@fast @connection",
                .docs = {.summary = "Greets the server and chooses the protocol version",
                         .since = "6.0.0",
                         .group = "connection",
                         .complexity = "O(1)",
                         .arguments = "arguments|block?(protover|integer "
                                      "username_password|block=AUTH?(username|string "
                                      "password|string) clientname|string=SETNAME?)"}},
    CommandSpec{.name = "reset",
                .handler = reset,
                .arity = 1,
                .flags = entry_flags | flag_immediate,
                .categories = "@fast @connection",
                .docs = {.summary = "Puts the connection back to how it began",
                         .since = "6.2.0",
                         .group = "connection",
                         .complexity = "O(1)"}},
    CommandSpec{.name = "quit",
                .handler = quit,
                .arity = -1,
                .flags = entry_flags | flag_immediate,
                .categories = "@fast @connection",
                .docs = {.summary = "Closes the connection",
                         .since = "1.0.0",
                         .group = "connection",
                         .complexity = "O(1)"}},
    CommandSpec{.name = "ping",
                .handler = ping,
                .arity = -1,
                .flags = flag_fast,
                .categories = "@fast @connection",
                .tips = "request_policy:all_shards response_policy:all_succeeded",
                .docs = {.summary = "Answers, so that one knows that somebody is there",
                         .since = "1.0.0",
                         .group = "connection",
                         .complexity = "O(1)",
                         .arguments = "message|string?"}},
    CommandSpec{.name = "echo",
                .handler = echo,
                .arity = 2,
                .flags = flag_loading | flag_stale | flag_fast,
                .categories = "@fast @connection",
                .docs = {.summary = "Answers with what it was sent",
                         .since = "1.0.0",
                         .group = "connection",
                         .complexity = "O(1)",
                         .arguments = "message|string"}},
    CommandSpec{.name = "select",
                .handler = select,
                .arity = 2,
                .flags = flag_loading | flag_stale | flag_fast,
                .categories = "@fast @connection",
                .docs = {.summary = "Chooses the numbered database; there is only number 0",
                         .since = "1.0.0",
                         .group = "connection",
                         .complexity = "O(1)",
                         .arguments = "index|integer"}},
};

}  // namespace

std::span<const CommandSpec> connection_commands() {
  return table;
}

}  // namespace restored::data
