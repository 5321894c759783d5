// Strict reading and writing of the JSON objects of the format. For this folder's .cc files only:
// it is the one header that shows Boost.JSON.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/document.h"
#include "restored/error.h"
#include "restored/limits.h"

namespace restored::format {

// A parsed text whose top is an object. Everything of it lives in one arena, so that a document of
// 16,000 files costs few allocations and its destruction no recursion.
class JsonDocument {
 public:
  // Errors: corruption (not JSON, nested deeper than limits::json_depth_max, not an object).
  static Result<JsonDocument> parse(std::string_view text);
  const boost::json::object& top() const { return value_->get_object(); }

 private:
  JsonDocument() : arena_(std::make_unique<boost::json::monotonic_resource>()) {}
  std::unique_ptr<boost::json::monotonic_resource> arena_;
  const boost::json::value* value_ = nullptr;  // in the arena
};

// Members of one object by name. The first member that is missing or of the wrong type is kept as
// the error; after it the reads do nothing. Members that nobody asks for are ignored: a later
// writer of the same version may add some.
// Threading: one thread at a time.
class Fields {
 public:
  // `where` goes in front of messages: "file 17". `object` outlives it.
  Fields(const boost::json::object& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  void read(std::string_view name, std::string& into);
  void read(std::string_view name, bool& into);
  void read(std::string_view name, std::uint64_t& into);
  void read(std::string_view name, std::uint32_t& into);
  void read(std::string_view name, std::int64_t& into);  // not negative
  void read(std::string_view name, int& into);           // not negative
  void read_hex(std::string_view name, std::string& into);
  // A missing member is nothing; one of the wrong type is an error.
  void read_optional(std::string_view name, std::optional<std::uint64_t>& into);
  void read_optional(std::string_view name, std::string& into);
  void read_optional(std::string_view name, bool& into);
  void read_optional_hex(std::string_view name, std::optional<std::string>& into);
  const boost::json::object* object(std::string_view name);
  const boost::json::array* array(std::string_view name);

  void refuse(std::string_view name, std::string_view what);  // an error of the caller's finding
  Result<void> done() const;

 private:
  const boost::json::value* find(std::string_view name);
  std::optional<std::uint64_t> number(std::string_view name, std::uint64_t maximum);

  const boost::json::object& object_;
  std::string where_;
  std::optional<Error> error_;
};

// A small document: the envelope around one object of JSON.
std::string seal_json(std::string_view kind, const boost::json::object& object);

// `read(fields, value)` takes the members. Errors: those of unseal(), parse() and the fields.
template <class Value, class Read>
Result<Value> read_small(std::string_view kind, std::string_view bytes, const Read& read) {
  RESTORED_TRY(const std::string_view body, unseal(kind, bytes, limits::small_object_bytes_max));
  RESTORED_TRY(const JsonDocument document, JsonDocument::parse(body));
  Fields fields(document.top(), std::string(kind));
  Value value;
  read(fields, value);
  RESTORED_TRY(fields.done());
  return value;
}

}  // namespace restored::format
