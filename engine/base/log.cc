#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "base/clock.h"
#include "base/utf8.h"

namespace restored::log {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "error";
}

// Never destroyed: threads that outlive main may still log.
spdlog::logger& logger() {
  static spdlog::logger* const instance = [] {
    auto* made = new spdlog::logger("restored", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::info);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

void append_hex(std::string& into, std::string_view bytes) {
  for (const char byte : bytes) {
    into += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
}

void append_escaped(std::string& into, std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    const std::string_view character = text.substr(0, bytes == 0 ? 1 : bytes);
    text.remove_prefix(character.size());
    if (character == "\"" || character == "\\") {
      into += '\\';
      into += character;
    } else if (character == "\n") {
      into += "\\n";
    } else if (character == "\r") {
      into += "\\r";
    } else if (character == "\t") {
      into += "\\t";
    } else if (bytes == 0 || is_control_character(character)) {
      append_hex(into, character);
    } else {
      into += character;
    }
  }
}

}  // namespace

void set_level(Level level) {
  logger().set_level(spdlog_level(level));
}

std::optional<Level> level_from(std::string_view text) {
  if (text == "debug") return Level::debug;
  if (text == "info") return Level::info;
  if (text == "warning" || text == "warn") return Level::warning;
  if (text == "error") return Level::error;
  return std::nullopt;
}

std::string line(UnixMillis time, Level level, std::string_view area, std::string_view message) {
  std::string text = fmt::format("ts={} level={} area=", iso8601(time), name(level));
  append_escaped(text, area);
  text += " msg=\"";
  append_escaped(text, message);
  text += '"';
  return text;
}

void write(Level level, std::string_view area, std::string_view message) {
  spdlog::logger& target = logger();
  const auto wanted = spdlog_level(level);
  if (!target.should_log(wanted)) return;
  target.log(wanted, spdlog::string_view_t(line(system_clock().wall(), level, area, message)));
}

}  // namespace restored::log
