#include "format/fields.h"

#include <fmt/core.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <limits>
#include <new>
#include <utility>

#include "base/hex.h"
#include "restored/limits.h"

namespace restored::format {

Result<JsonDocument> JsonDocument::parse(std::string_view text) {
  JsonDocument document;
  boost::json::parse_options options;
  options.max_depth = limits::json_depth_max;
  boost::json::error_code error;
  const boost::json::storage_ptr storage(document.arena_.get());
  boost::json::value value = boost::json::parse(text, error, storage, options);
  if (error) return fail(ErrorCode::corruption, "JSON: " + error.message());
  if (!value.is_object()) return fail(ErrorCode::corruption, "the JSON is not an object");
  // Moved into the arena itself: whatever the value owns is there already.
  void* place = document.arena_->allocate(sizeof value, alignof(boost::json::value));
  document.value_ = ::new (place) boost::json::value(std::move(value), storage);
  return document;
}

const boost::json::value* Fields::find(std::string_view name) {
  if (error_) return nullptr;
  const boost::json::value* value = object_.if_contains(name);
  if (value == nullptr) refuse(name, "is missing");
  return value;
}

void Fields::refuse(std::string_view name, std::string_view what) {
  if (!error_)
    error_ = Error{ErrorCode::corruption, fmt::format("{}: {} {}", where_, name, what), {}};
}

std::string seal_json(std::string_view kind, const boost::json::object& object) {
  return seal(kind, boost::json::serialize(object) + '\n');
}

Result<void> Fields::done() const {
  if (error_) return std::unexpected(*error_);
  return {};
}

std::optional<std::uint64_t> Fields::number(std::string_view name, std::uint64_t maximum) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::uint64_t> number;
  if (const std::uint64_t* large = value->if_uint64(); large != nullptr) number = *large;
  if (const std::int64_t* small = value->if_int64(); small != nullptr && *small >= 0)
    number = static_cast<std::uint64_t>(*small);
  if (!number || *number > maximum) {
    refuse(name, fmt::format("is not a whole number up to {}", maximum));
    return std::nullopt;
  }
  return number;
}

void Fields::read(std::string_view name, std::uint64_t& into) {
  if (const auto value = number(name, std::numeric_limits<std::uint64_t>::max())) into = *value;
}

void Fields::read(std::string_view name, std::uint32_t& into) {
  if (const auto value = number(name, std::numeric_limits<std::uint32_t>::max()))
    into = static_cast<std::uint32_t>(*value);
}

void Fields::read(std::string_view name, std::int64_t& into) {
  if (const auto value = number(name, std::numeric_limits<std::int64_t>::max()))
    into = static_cast<std::int64_t>(*value);
}

void Fields::read(std::string_view name, int& into) {
  if (const auto value = number(name, std::numeric_limits<int>::max()))
    into = static_cast<int>(*value);
}

void Fields::read(std::string_view name, bool& into) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return;
  if (const bool* flag = value->if_bool(); flag != nullptr)
    into = *flag;
  else
    refuse(name, "is not true or false");
}

void Fields::read(std::string_view name, std::string& into) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return;
  if (const boost::json::string* text = value->if_string(); text != nullptr)
    into.assign(text->data(), text->size());
  else
    refuse(name, "is not a string");
}

void Fields::read_hex(std::string_view name, std::string& into) {
  std::string text;
  read(name, text);
  if (error_) return;
  if (auto raw = from_hex(text))
    into = std::move(*raw);
  else
    refuse(name, "is not hexadecimal");
}

void Fields::read_optional(std::string_view name, std::optional<std::uint64_t>& into) {
  if (!object_.contains(name)) return;
  read(name, into.emplace());
}

void Fields::read_optional(std::string_view name, std::string& into) {
  if (object_.contains(name)) read(name, into);
}

void Fields::read_optional(std::string_view name, bool& into) {
  if (object_.contains(name)) read(name, into);
}

void Fields::read_optional_hex(std::string_view name, std::optional<std::string>& into) {
  if (!object_.contains(name)) return;
  read_hex(name, into.emplace());
}

const boost::json::object* Fields::object(std::string_view name) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) refuse(name, "is not an object");
  return value->if_object();
}

const boost::json::array* Fields::array(std::string_view name) {
  const boost::json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) refuse(name, "is not an array");
  return value->if_array();
}

}  // namespace restored::format
