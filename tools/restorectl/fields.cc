#include "fields.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace restored::ctl {
namespace json = boost::json;
namespace {

std::string scalar(const json::value& value) {
  if (value.is_string()) return printable(std::string_view(value.get_string()));
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  if (value.is_int64()) return fmt::format("{}", value.get_int64());
  if (value.is_uint64()) return fmt::format("{}", value.get_uint64());
  if (value.is_double()) return fmt::format("{:.3g}", value.get_double());
  return "";
}

bool counts_bytes(std::string_view name) {
  return name == "size" || name.starts_with("bytes") || name.ends_with("Bytes") ||
         name.ends_with("_bytes");
}

std::string list_words(const json::array& list) {
  std::string words;
  for (const auto& item : list) {
    if (item.is_object() || item.is_array()) {
      return fmt::format("{} (--json shows them)", list.size());
    }
    words += (words.empty() ? "" : ", ") + scalar(item);
  }
  return words;
}

void describe_into(const json::value& value, const std::string& path,
                   std::vector<std::pair<std::string, std::string>>& rows) {
  if (value.is_null()) return;
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      const std::string name(member.key());
      describe_into(member.value(), path.empty() ? name : path + "." + name, rows);
    }
    return;
  }
  const std::string_view name = std::string_view(path).substr(path.rfind('.') + 1);
  std::string words = value.is_array() ? list_words(value.get_array()) : scalar(value);
  if (words.empty()) return;
  if (value.is_number() && name == "bytesPerSecond") {
    words = rate_text(value.to_number<double>());
  } else if (value.is_number() && name == "bandwidthBytesPerSecond") {
    words = limit_text(value.to_number<double>());
  } else if (value.is_number() && counts_bytes(name)) {
    words = bytes_text(static_cast<std::uint64_t>(std::max(0.0, value.to_number<double>())));
  }
  rows.emplace_back(path, std::move(words));
}

// Seconds since the epoch.
std::optional<double> time_of(const std::string& iso8601) {
  std::tm parts{};
  double seconds = 0;
  if (std::sscanf(iso8601.c_str(), "%d-%d-%dT%d:%d:%lf", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &seconds) != 6) {
    return std::nullopt;
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<double>(timegm(&parts)) + seconds;
}

}  // namespace

const json::value* find(const json::value& value, std::string_view path) {
  const json::value* at = &value;
  while (!path.empty()) {
    const auto dot = path.find('.');
    const std::string_view step = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    const auto* object = at->if_object();
    if (object == nullptr) return nullptr;
    at = object->if_contains(step);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string text(const json::value& value, std::string_view path) {
  const auto* found = find(value, path);
  return found == nullptr ? "" : scalar(*found);
}

std::optional<double> number(const json::value& value, std::string_view path) {
  const auto* found = find(value, path);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  return found->to_number<double>();
}

std::uint64_t bytes(const json::value& value, std::string_view path) {
  const auto found = number(value, path);
  return found && *found > 0 ? static_cast<std::uint64_t>(*found) : 0;
}

std::vector<std::pair<std::string, std::string>> describe(const json::value& value) {
  std::vector<std::pair<std::string, std::string>> rows;
  describe_into(value, "", rows);
  return rows;
}

std::optional<double> seconds_between(const std::string& begin, const std::string& end) {
  const auto first = time_of(begin);
  const auto last = time_of(end);
  if (!first || !last) return std::nullopt;
  return *last - *first;
}

std::optional<double> seconds_since(const std::string& begin) {
  const auto then = time_of(begin);
  if (!then) return std::nullopt;
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return std::max(0.0, now.count() - *then);
}

std::string wait_words(const json::value& operation) {
  const std::string what = text(operation, "waitingOn");
  if (what.empty()) return "";
  std::string facts;
  if (const auto since = seconds_since(text(operation, "waitingSince"))) {
    facts = "since " + seconds_text(*since);
  }
  if (const auto attempts = number(operation, "waitAttempts"); attempts && *attempts > 0) {
    facts += fmt::format("{}{:.0f} attempt{}", facts.empty() ? "" : ", ", *attempts,
                         *attempts == 1 ? "" : "s");
  }
  return "waits for " + what + (facts.empty() ? "" : " (" + facts + ")");
}

std::string bytes_text(std::uint64_t count) {
  constexpr std::array units = {"KiB", "MiB", "GiB", "TiB"};
  if (count < 1024) return fmt::format("{} B", count);
  double amount = static_cast<double>(count) / 1024;
  std::size_t unit = 0;
  // 1023.95 would be printed as 1024.0.
  while (amount >= 1023.95 && unit + 1 < units.size()) {
    amount /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", amount, units[unit]);
}

std::string rate_text(double bytes_per_second) {
  if (!(bytes_per_second > 0)) return "0 B/s";
  return bytes_text(static_cast<std::uint64_t>(bytes_per_second)) + "/s";
}

std::string limit_text(double bytes_per_second) {
  return bytes_per_second > 0 ? "at most " + rate_text(bytes_per_second) : "no limit";
}

std::string seconds_text(double seconds) {
  if (!(seconds > 0)) return "0 s";
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::llround(std::min(seconds, 1e9)));
  if (whole < 120) return fmt::format("{} s", whole);
  if (whole < 7200) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string printable(std::string_view text) {
  std::string safe(text);
  for (char& c : safe) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return safe;
}

}  // namespace restored::ctl
