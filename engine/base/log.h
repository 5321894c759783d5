// The log: one line an event, to standard error, logfmt. Never a secret.
// Threading: any thread. Configured once, by main.
#pragma once

#include <fmt/core.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "restored/units.h"

namespace restored::log {

enum class Level { debug, info, warning, error };

void set_level(Level level);
std::optional<Level> level_from(std::string_view text);
// `area` is the module's name; fields are "key=value" within the message.
void write(Level level, std::string_view area, std::string_view message);
// The line that write() prints at this time, without its end:
//   ts=2026-11-22T00:56:12.345Z level=info area=restore msg="fetched files=12"
// Quotes, backslashes, control characters and what is not UTF-8 are escaped in the message, so that
// none can forge a second line or field, or move a terminal's cursor.
std::string line(UnixMillis time, Level level, std::string_view area, std::string_view message);

template <class... Args>
void debug(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::debug, area, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::info, area, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warning, area, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, area, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace restored::log
