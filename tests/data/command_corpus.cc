#include "command_corpus.h"

#include <fstream>
#include <string>

#include "base/check.h"

namespace restored::test {

std::vector<std::string> scripted_lines() {
  std::vector<std::string> lines;
  for (const char* name : {"strings", "numbers", "keys", "expiry", "transactions", "connection"}) {
    std::ifstream script(std::string(RESTORED_SCRIPTS) + "/" + name + ".txt");
    RESTORED_CHECK(script.is_open(), "the scripts stand beside the tests");
    for (std::string line; std::getline(script, line);) lines.push_back(line);
  }
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
