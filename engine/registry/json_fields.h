// Members of one JSON record, read with types checked. The first thing wrong is remembered, so
// that a decoder reads as a list of its members and asks once, at the end. Private to this folder.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/records.h"
#include "restored/error.h"

namespace restored::registry {

class Fields {
 public:
  // Errors: corruption (not a JSON object, no version), unsupported_format (a newer version).
  static Result<Fields> parse(std::string_view key, std::string_view text,
                              std::uint64_t version_max = record_version);

  std::string text(std::string_view member);
  std::uint64_t count(std::string_view member);
  std::int64_t time(std::string_view member);
  double number(std::string_view member);
  bool flag(std::string_view member);
  // A member that may be missing or null.
  std::optional<std::int64_t> optional_time(std::string_view member);
  std::optional<std::uint64_t> optional_count(std::string_view member);
  std::optional<std::string> optional_text(std::string_view member);
  std::optional<bool> optional_flag(std::string_view member);
  std::optional<double> optional_number(std::string_view member);
  std::optional<Error> optional_error(std::string_view member);
  // A list of objects; none when it is missing.
  std::vector<Fields> optional_list(std::string_view member);
  // One whose text `find` must know.
  template <class Find>
  auto word(std::string_view member, Find&& find) {
    auto found = find(std::string_view(text(member)));
    if (!found) wrong(member);
    using Value = typename decltype(found)::value_type;
    return found.value_or(Value{});
  }
  // The member was read but its content makes no sense.
  void wrong(std::string_view member);

  Result<void> status() const;

 private:
  explicit Fields(std::string key) : key_(std::move(key)) {}
  const boost::json::value* present(std::string_view member) const;
  template <class Number>
  Number to_number(std::string_view member);

  std::string key_;
  boost::json::object object_;
  std::string wrong_;
};

// A record's text: its members with "version" and "order". Names, and messages that quote what a
// disk or a peer said, may be any bytes; JSON is UTF-8, so what is not is replaced.
std::string record_text(boost::json::object object, std::uint64_t order,
                        std::uint64_t version = record_version);

boost::json::value to_json(const std::optional<Error>& error);

}  // namespace restored::registry
