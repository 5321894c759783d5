// Members of the agent's JSON answers by dotted path ("error.code"), and how numbers read.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace restored::ctl {

// Null pointer when a step of the path is missing.
const boost::json::value* find(const boost::json::value& value, std::string_view path);
// A string as it is, numbers and booleans in words; empty when missing, null or not a scalar.
std::string text(const boost::json::value& value, std::string_view path);
std::optional<double> number(const boost::json::value& value, std::string_view path);
std::uint64_t bytes(const boost::json::value& value, std::string_view path);  // 0 when missing

// Every scalar below `value` as (dotted path, words), for people: byte counts get a unit, objects
// are opened, a list of objects is counted. Null members are left out.
std::vector<std::pair<std::string, std::string>> describe(const boost::json::value& value);

// Between two of the agent's times ("2026-11-22T00:56:12.345Z"); nothing when either is none.
std::optional<double> seconds_between(const std::string& begin, const std::string& end);

// Since one of them, by this host's clock; not below 0.
std::optional<double> seconds_since(const std::string& begin);

// "waits for the object store at 10.0.0.7:8000: 503 SlowDown (since 12 s, 4 attempts)", of an
// operation; empty: it works.
std::string wait_words(const boost::json::value& operation);

std::string bytes_text(std::uint64_t count);      // "1.4 GiB"
std::string rate_text(double bytes_per_second);   // "312.0 MiB/s"
std::string limit_text(double bytes_per_second);  // "at most 100.0 MiB/s", "no limit"
std::string seconds_text(double seconds);         // "0.4 s", "12 s", "3 min 20 s"

// Control characters become '?': a name must not steer the reader's terminal.
std::string printable(std::string_view text);

}  // namespace restored::ctl
