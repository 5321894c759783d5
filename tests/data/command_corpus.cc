#include "command_corpus.h"

#include <array>

namespace restored::test {
namespace {

constexpr std::array strings{
    "SET a 1",
    "GET a",
    "SET a",
    "SET",
    "SET a 1 FOO",
    "SET a 1 NX",
    "SET b 1 NX",
    "SET a 2 XX",
    "SET nokey 2 XX",
    "SET a 3 NX XX",
    "SET a 3 GET",
    "SET nokey 3 GET",
    "GET nokey",
    "SET a 4 NX GET",
    "SET nokey2 4 NX GET",
    "GET nokey2",
    "SET a 5 XX GET",
    "SET nokey3 5 XX GET",
    "SET a 6 EX",
    "SET a 6 EX 0",
    "SET a 6 EX -1",
    "SET a 6 EX x",
    "SET a 6 EX 10 PX 10",
    "SET a 6 EX 10 EX 20",
    "SET a 6 KEEPTTL EX 10",
    "SET a 6 EX 10 KEEPTTL",
    "SET a 6 PERSIST",
    "SET a 6 EX 9223372036854775807",
    "SET a 6 EX 9223372036854775",
    "SET a 6 PX 9223372036854775807",
    "SET a 6 EXAT 9223372036854775",
    "SET a 6 PXAT 9223372036854775807",
    "PEXPIRETIME a",
    "SET a 6 PXAT 4000000000000",
    "PEXPIRETIME a",
    "SET a 7 KEEPTTL",
    "PEXPIRETIME a",
    "SET a 8",
    "PEXPIRETIME a",
    "SET a 6 EXAT 4000000000",
    "EXPIRETIME a",
    "PEXPIRETIME a",
    "SET p 1 PXAT 1",
    "GET p",
    "SET p 1 EXAT 1 GET",
    "GET p",
    "GETSET a 9",
    "PEXPIRETIME a",
    "GETSET new x",
    "GETSET a",
    "GETDEL a",
    "GETDEL a",
    "GET a",
    "SETNX a 1",
    "SETNX a 2",
    "GET a",
    "SETEX a 10 v",
    "GET a",
    "SETEX a 0 v",
    "SETEX a -5 v",
    "SETEX a x v",
    "PSETEX a 0 v",
    "PSETEX a 10000 w",
    "SETEX a 9223372036854775807 v",
    "GET a",
    "GETEX a",
    "GETEX a PERSIST",
    "PTTL a",
    "GETEX a PXAT 4000000000000",
    "PEXPIRETIME a",
    "GETEX a PERSIST EX 10",
    "GETEX a EX 0",
    "GETEX a EX x",
    "GETEX a NX",
    "GETEX nokey EX 10",
    "GETEX nokey EX 0",
    "GETEX a PXAT 1",
    "GET a",
    "MSET a 1 b 2 c",
    "MSET a 1 b 2",
    "MSET a 1 a 2",
    "GET a",
    "MGET a b nokey a",
    "MGET",
    "MSETNX a 1 z 2",
    "GET z",
    "MSETNX y 1 z 2",
    "MSETNX y 1 z",
    "MGET y z",
    "APPEND a xyz",
    "APPEND fresh abc",
    "GET fresh",
    "APPEND a",
    "STRLEN a",
    "STRLEN nokey",
    "GETRANGE fresh 0 0",
    "GETRANGE fresh 0 -1",
    "GETRANGE fresh -2 -1",
    "GETRANGE fresh 5 10",
    "GETRANGE fresh -100 1",
    "GETRANGE fresh 2 1",
    "GETRANGE fresh -1 -2",
    "GETRANGE fresh 0 9223372036854775807",
    "GETRANGE fresh -9223372036854775808 -9223372036854775808",
    "GETRANGE fresh x 1",
    "GETRANGE nokey 0 -1",
    "SETRANGE fresh 1 XY",
    "GET fresh",
    "SETRANGE fresh 5 Z",
    "GET fresh",
    "SETRANGE fresh -1 Z",
    "SETRANGE fresh x Z",
    "SETRANGE nothing 3 \"\"",
    "EXISTS nothing",
    "SETRANGE fresh 0 \"\"",
    "SETRANGE nothing 3 q",
    "GET nothing",
    "SETRANGE big 536870911 xx",
    "SETRANGE big 9223372036854775807 x",
    "SET \"\" empty",
    "GET \"\"",
    "SET e \"\"",
    "GET e",
    "STRLEN e",
    "SET bin \"\\x00\\xff\\r\\n\"",
    "GET bin",
};

constexpr std::array numbers{
    "SET n 10",
    "INCR n",
    "DECR n",
    "INCRBY n 5",
    "DECRBY n 3",
    "GET n",
    "INCR fresh:n",
    "DECR fresh:m",
    "INCRBY n x",
    "INCRBY n 1.5",
    "INCRBY n",
    "SET t text",
    "INCR t",
    "INCRBY t 1",
    "SET n \" 1\"",
    "INCR n",
    "SET n 01",
    "INCR n",
    "SET n +1",
    "INCR n",
    "SET n 9223372036854775807",
    "INCR n",
    "DECR n",
    "SET n -9223372036854775808",
    "DECR n",
    "DECRBY n -9223372036854775808",
    "DECRBY n 9223372036854775807",
    "INCRBY n -1",
    "SET n 99999999999999999999",
    "INCR n",
    "SET n 1 PXAT 4000000000000",
    "INCR n",
    "APPEND n 5",
    "SETRANGE n 0 9",
    "GET n",
    "PEXPIRETIME n",
    "SET f 10.5",
    "INCRBYFLOAT f 0.1",
    "INCRBYFLOAT f -5",
    "SET f 5.0e3",
    "INCRBYFLOAT f 2.0e2",
    "INCRBYFLOAT f x",
    "INCRBYFLOAT t 1",
    "INCRBYFLOAT fresh:f 3.14",
    "INCRBYFLOAT f inf",
    "INCRBYFLOAT f nan",
    "INCRBYFLOAT f 1e400",
    "SET f inf",
    "INCRBYFLOAT f -inf",
    "SET f 3",
    "INCRBYFLOAT f 1.0",
    "GET f",
    "INCRBYFLOAT f 1e18",
    "INCRBYFLOAT f 0.00000001",
    "INCRBYFLOAT f",
    "SET f \" 1\"",
    "INCRBYFLOAT f 1",
    "SET f 0x10",
    "INCRBYFLOAT f 1",
    "INCRBYFLOAT z -0",
    "SET z -0.5",
    "INCRBYFLOAT z 0.5",
    "SET bigf 1e4931",
    "INCRBYFLOAT bigf 1e4932",
};

constexpr std::array keys{
    "MSET k1 a k2 b k3 c",
    "DEL k1 k1 nokey",
    "DEL",
    "UNLINK k2 k3",
    "EXISTS k1",
    "MSET k1 a k2 b",
    "EXISTS k1 k1 k2 nokey",
    "EXISTS",
    "TOUCH k1 k1 nokey",
    "TYPE k1",
    "TYPE nokey",
    "RENAME k1 k4",
    "RENAME nokey k5",
    "RENAME k4 k4",
    "RENAME nokey nokey",
    "GET k4",
    "RENAMENX k4 k2",
    "RENAMENX k4 k6",
    "RENAMENX k6 k6",
    "RENAMENX nokey k2",
    "EXPIREAT k6 4000000000",
    "RENAME k6 k7",
    "EXPIRETIME k7",
    "COPY k7 k8",
    "EXPIRETIME k8",
    "COPY k7 k8",
    "COPY k7 k8 REPLACE",
    "COPY k2 k8 REPLACE",
    "GET k8",
    "EXPIRETIME k8",
    "COPY k7 k7",
    "COPY nokey k9",
    "COPY k7 k9 DB 0",
    "COPY k7 k9 DB 1",
    "COPY k7 k9 DB x",
    "COPY k7 k9 DB -1",
    "COPY k7 k9 DB 99999999999",
    "COPY k7 k9 FOO",
    "COPY k7 k9 DB",
    "COPY k7",
    "RENAME k7",
    "DBSIZE",
    "DBSIZE x",
    "KEYS k*",
    "KEYS k[78]",
    "KEYS",
    "KEYS *x*",
    "FLUSHDB",
    "DBSIZE",
    "RANDOMKEY",
    "SET only 1",
    "RANDOMKEY",
    "FLUSHALL FOO",
    "FLUSHALL ASYNC",
    "KEYS *",
    "SET only 1",
    "FLUSHDB SYNC",
    "EXISTS only",
    "FLUSHDB SYNC ASYNC",
    "SCAN",
    "SCAN x",
    "SCAN 0",
    "SCAN 0 COUNT 0",
    "SCAN 0 COUNT x",
    "SCAN 0 FOO bar",
    "SCAN 0 MATCH",
    "SCAN 0 TYPE nosuch",
    "SCAN 99999999999999999999999",
    "SCAN ''",
    "SCAN 0 MATCH * COUNT 100 TYPE string",
    "SCAN -0",
};

constexpr std::array expiry{
    "EXPIRE nokey 10",
    "SET x 1",
    "EXPIRE x 0x",
    "EXPIRE x",
    "EXPIRE x 10 FOO",
    "EXPIRE x 10 NX XX",
    "EXPIRE x 10 GT LT",
    "EXPIRE x 10 NX GT",
    "EXPIRE x 9223372036854775807",
    "PEXPIRE x 9223372036854775807",
    "EXPIRE x -9223372036854775808",
    "EXPIREAT x 9223372036854775807",
    "EXPIREAT x 4000000000 XX",
    "EXPIREAT x 4000000000 NX",
    "EXPIREAT x 4000000001 NX",
    "EXPIRETIME x",
    "EXPIREAT x 3999999999 GT",
    "EXPIREAT x 4000000001 GT",
    "EXPIRETIME x",
    "EXPIREAT x 4000000002 LT",
    "EXPIREAT x 3999999998 LT",
    "EXPIREAT x 4000000000 XX GT",
    "EXPIRETIME x",
    "PERSIST x",
    "PERSIST x",
    "PERSIST nokey",
    "TTL x",
    "PTTL x",
    "EXPIRETIME x",
    "PEXPIRETIME x",
    "TTL nokey",
    "PTTL nokey",
    "EXPIRETIME nokey",
    "PEXPIRETIME nokey",
    "EXPIREAT x 4000000000 GT",
    "EXPIREAT x 4000000000 LT",
    "TTL",
    "TTL x y",
    "EXPIRE x 100",
    "TTL x",
    "PEXPIRE x 100000",
    "TTL x",
    "PEXPIREAT x 4000000000500",
    "EXPIRETIME x",
    "PEXPIREAT x 4000000000499",
    "EXPIRETIME x",
    "EXPIRE x -1",
    "EXISTS x",
    "SET x 1",
    "EXPIREAT x 1",
    "GET x",
    "SET x 1",
    "PEXPIREAT x -5",
    "GET x",
    "SET x 1",
    "PEXPIRE x 0",
    "TYPE x",
    "SET x 1 PXAT 4000000000000",
    "GETSET x 2",
    "TTL x",
    "SET x 1 PXAT 4000000000000",
    "SETNX x 2",
    "PEXPIRETIME x",
};

constexpr std::array transactions{
    "MULTI",
    "EXEC",
    "EXEC",
    "DISCARD",
    "MULTI",
    "MULTI",
    "DISCARD",
    "MULTI",
    "SET m 1",
    "GET m",
    "INCR m",
    "EXEC",
    "MULTI",
    "SET m x",
    "INCR m",
    "SET m 2",
    "EXEC",
    "GET m",
    "MULTI",
    "NOSUCH",
    "SET m 3",
    "EXEC",
    "GET m",
    "MULTI",
    "GET",
    "EXEC",
    "MULTI",
    "SET m 4",
    "DISCARD",
    "GET m",
    "WATCH m",
    "SET m 5",
    "MULTI",
    "SET m 6",
    "EXEC",
    "GET m",
    "WATCH m",
    "UNWATCH",
    "SET m 7",
    "MULTI",
    "GET m",
    "EXEC",
    "WATCH m",
    "GET m",
    "MULTI",
    "INCR m",
    "EXEC",
    "MULTI",
    "WATCH m",
    "EXEC",
    "WATCH",
    "UNWATCH x",
    "MULTI x",
    "MULTI",
    "UNWATCH",
    "PING",
    "ECHO hi",
    "EXEC",
    "WATCH nokey",
    "DEL nokey",
    "MULTI",
    "PING",
    "EXEC",
    "WATCH m m",
    "EXPIREAT m 4000000000",
    "MULTI",
    "PING",
    "EXEC",
    "WATCH m",
    "PERSIST nokey",
    "MULTI",
    "PING",
    "EXEC",
    "WATCH gone",
    "SET gone 1",
    "DEL gone",
    "MULTI",
    "PING",
    "EXEC",
    "MULTI",
    "SET q 1",
    "COPY q r",
    "RENAME q s",
    "EXISTS q r s",
    "MGET q r s",
    "DEL s",
    "APPEND r z",
    "DBSIZE",
    "KEYS r*",
    "EXEC",
    "MULTI",
    "SET u 1",
    "FLUSHALL",
    "SET v 2",
    "DBSIZE",
    "KEYS *",
    "GET u",
    "SCAN 0 COUNT 1000",
    "RANDOMKEY",
    "EXEC",
    "KEYS *",
    "MULTI",
    "FLUSHDB",
    "EXEC",
    "DBSIZE",
    "MULTI",
    "SET m 1",
    "RESET",
    "GET m",
    "EXEC",
    "MULTI",
    "SELECT 0",
    "SELECT 5",
    "CLIENT GETNAME",
    "CLIENT NOSUCH",
    "EXEC",
    "MULTI",
    "HELLO 3",
    "GET nokey",
    "EXEC",
    "GET nokey",
    "HELLO 2",
    "MULTI",
    "SET m 1",
    "GETDEL m",
    "MSETNX m 2 o 3",
    "SETRANGE m 2 x",
    "STRLEN m",
    "EXEC",
};

constexpr std::array connection{
    "PING",
    "PING hello",
    "PING a b",
    "ECHO hello",
    "ECHO",
    "ECHO a b",
    "SELECT 0",
    "SELECT 1",
    "SELECT -1",
    "SELECT x",
    "SELECT 99999999999",
    "SELECT",
    "CLIENT",
    "CLIENT NOSUCH",
    "CLIENT ID x",
    "CLIENT GETNAME",
    "CLIENT SETNAME me",
    "CLIENT GETNAME",
    "CLIENT SETNAME \"a b\"",
    "CLIENT SETNAME \"\"",
    "CLIENT GETNAME",
    "CLIENT SETNAME",
    "CLIENT LIST FOO",
    "CLIENT LIST TYPE foo",
    "CLIENT LIST ID x",
    "CLIENT LIST TYPE pubsub",
    "CLIENT LIST TYPE",
    "CLIENT KILL",
    "CLIENT KILL 1:1",
    "CLIENT KILL ID 0",
    "CLIENT KILL ID x",
    "CLIENT KILL ID 99999",
    "CLIENT KILL ID 1 FOO",
    "CLIENT KILL FOO bar",
    "CLIENT KILL TYPE foo",
    "CLIENT KILL TYPE pubsub",
    "CLIENT KILL USER nobody",
    "CLIENT KILL SKIPME foo",
    "CLIENT KILL ADDR 1:1 LADDR 1:1",
    "CLIENT NO-EVICT on",
    "CLIENT NO-EVICT off",
    "CLIENT NO-EVICT foo",
    "CLIENT NO-EVICT",
    "AUTH",
    "AUTH a b c",
    "AUTH a b",
    "HELLO x",
    "HELLO 1",
    "HELLO 4",
    "HELLO 2 AUTH",
    "HELLO 2 AUTH a",
    "HELLO 2 AUTH a b",
    "HELLO 2 SETNAME",
    "HELLO 2 SETNAME \"a b\"",
    "HELLO 2 FOO",
    "TIME x",
    "LASTSAVE x",
    "BGSAVE FOO",
    "BGSAVE SCHEDULE x",
    "CONFIG",
    "CONFIG GET",
    "CONFIG GET maxmemory",
    "CONFIG GET nosuch*",
    "CONFIG GET maxmemory-policy databases",
    "CONFIG GET PROTO-MAX-BULK-LEN",
    "CONFIG NOSUCH",
    "CONFIG RESETSTAT",
    "CONFIG RESETSTAT x",
    "COMMAND NOSUCH",
    "COMMAND COUNT x",
    "COMMAND INFO nosuch",
    "COMMAND DOCS nosuch",
    "COMMAND LIST FOO",
    "COMMAND LIST FILTERBY FOO bar",
    "COMMAND LIST FILTERBY MODULE none",
    "COMMAND LIST FILTERBY PATTERN incr*",
    "INFO nosuch",
    "NOSUCH",
    "NOSUCH a b c",
    "NOSUCH \"a\\nb\" \"\\x00\"",
    "nosuch "
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbb",
    "gEt nokey",
    "GET nokey extra",
    "FLUSHALL",
};

}  // namespace

std::vector<std::string_view> scripted_lines() {
  std::vector<std::string_view> lines;
  lines.insert(lines.end(), strings.begin(), strings.end());
  lines.insert(lines.end(), numbers.begin(), numbers.end());
  lines.insert(lines.end(), keys.begin(), keys.end());
  lines.insert(lines.end(), expiry.begin(), expiry.end());
  lines.insert(lines.end(), transactions.begin(), transactions.end());
  lines.insert(lines.end(), connection.begin(), connection.end());
  return lines;
}

std::string RandomCommands::pick(std::initializer_list<std::string_view> choices) {
  return std::string(*(choices.begin() + below(choices.size())));
}

std::string RandomCommands::key() {
  return "key:" + std::to_string(below(8));
}

std::string RandomCommands::integer() {
  switch (below(8)) {
    case 0:
      return pick({"9223372036854775807", "-9223372036854775808", "0", "-1"});
    case 1:
      return pick({"x", "", "1.5", " 1", "01"});
    default:
      return std::to_string(static_cast<int>(below(2000)) - 1000);
  }
}

std::string RandomCommands::value() {
  switch (below(6)) {
    case 0:
      return integer();
    case 1:
      return std::to_string(below(1000)) + "." + std::to_string(below(100));
    case 2: {
      std::string bytes(below(40), '\0');
      for (char& c : bytes) c = static_cast<char>(below(256));
      return bytes;
    }
    case 3:
      return std::string(below(3) == 0 ? 70'000 : 300, static_cast<char>('a' + below(26)));
    default:
      return std::to_string(below(100));
  }
}

std::string RandomCommands::moment() {
  return std::to_string(4'000'000'000'000 + static_cast<std::int64_t>(below(1000)));
}

Words RandomCommands::set_command() {
  Words words = {pick({"SET", "set", "Set"}), key(), value()};
  while (below(2) == 0) {
    switch (below(8)) {
      case 0:
        words.push_back("NX");
        break;
      case 1:
        words.push_back("XX");
        break;
      case 2:
        words.push_back("GET");
        break;
      case 3:
        words.push_back("KEEPTTL");
        break;
      case 4:
        words.insert(words.end(), {"PXAT", moment()});
        break;
      case 5:
        words.insert(words.end(), {"EXAT", "4000000000"});
        break;
      case 6:
        words.insert(words.end(), {pick({"EX", "PX"}), pick({"0", "x", "-1"})});
        break;
      default:
        words.push_back(pick({"FOO", "PERSIST", "EX"}));
        break;
    }
  }
  return words;
}

Words RandomCommands::string_command() {
  switch (below(14)) {
    case 0:
      return {"GET", key()};
    case 1:
      return {pick({"INCR", "DECR"}), key()};
    case 2:
      return {pick({"INCRBY", "DECRBY"}), key(), integer()};
    case 3:
      return {"INCRBYFLOAT", key(), below(2) == 0 ? value() : "0.25"};
    case 4:
      return {"APPEND", key(), value()};
    case 5:
      return {"STRLEN", key()};
    case 6:
      return {"GETRANGE", key(), integer(), integer()};
    case 7:
      return {"SETRANGE", key(), std::to_string(below(500)), value()};
    case 8:
      return {"MGET", key(), key(), key()};
    case 9:
      return {pick({"MSET", "MSETNX"}), key(), value(), key(), value()};
    case 10:
      return {pick({"GETSET", "SETNX"}), key(), value()};
    case 11:
      return {"GETDEL", key()};
    case 12:
      return {"GETEX", key(), "PXAT", below(4) == 0 ? "1" : moment()};
    default:
      return {"GETEX", key(), pick({"PERSIST", "NX"})};
  }
}

Words RandomCommands::key_command() {
  switch (below(9)) {
    case 0:
      return {pick({"DEL", "UNLINK"}), key(), key()};
    case 1:
      return {pick({"EXISTS", "TOUCH"}), key(), key(), key()};
    case 2:
      return {"TYPE", key()};
    case 3:
      return {pick({"RENAME", "RENAMENX"}), key(), key()};
    case 4:
      return {"COPY", key(), key()};
    case 5:
      return {"COPY", key(), key(), "REPLACE"};
    case 6:
      return {"KEYS", pick({"*", "key:[0-3]", "*5", "k?y:*"})};
    case 7:
      return {"DBSIZE"};
    default:
      return below(10) == 0 ? Words{pick({"FLUSHALL", "FLUSHDB"})} : Words{"EXISTS", key()};
  }
}

Words RandomCommands::expiry_command() {
  switch (below(6)) {
    case 0:
      return {"PEXPIREAT", key(), moment(), pick({"NX", "XX", "GT", "LT"})};
    case 1:
      return {"PEXPIREAT", key(), below(8) == 0 ? "1" : moment()};
    case 2:
      return {pick({"EXPIRE", "PEXPIRE"}), key(), pick({"x", "-1", "9223372036854775807"})};
    case 3:
      return {"PERSIST", key()};
    default:
      return {pick({"EXPIRETIME", "PEXPIRETIME"}), key()};
  }
}

Words RandomCommands::next() {
  switch (below(20)) {
    case 0:
      return {pick({"MULTI", "DISCARD"})};
    case 1:
    case 2:
      return {"EXEC"};
    case 3:
      return {"WATCH", key()};
    case 4:
      return {pick({"UNWATCH", "MULTI", "PING", "NOSUCH", "GET"})};
    case 5:
    case 6:
    case 7:
    case 8:
      return set_command();
    case 9:
    case 10:
    case 11:
      return key_command();
    case 12:
    case 13:
    case 14:
      return expiry_command();
    default:
      return string_command();
  }
}

}  // namespace restored::test
