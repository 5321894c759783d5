// A checker for the part of JSON Schema (2020-12) that our own documents use. A keyword that it
// does not know is an error, never something that is silently not checked. "format" is a remark:
// where it matters, the schema has a pattern too.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace restored::test {

// Threading: any number of threads at once.
class JsonSchemas {
 public:
  // `document`: what references ("#/a/b") point into. Outlives this.
  explicit JsonSchemas(const boost::json::value& document) : document_(document) {}

  // Where a value differs from a schema, a sentence each: "data: size: is no "integer", it is "7"".
  std::vector<std::string> differences(const boost::json::value& schema,
                                       const boost::json::value& value) const;
  // What is wrong with the schema itself: unknown keywords, references to nothing.
  std::vector<std::string> faults(const boost::json::value& schema) const;
  // Follows "$ref", as often as there is one; null when it leads nowhere.
  const boost::json::value* resolved(const boost::json::value& value) const;

 private:
  class Found;
  void compare(const boost::json::object& schema, Found& found) const;
  void compare_alternatives(const boost::json::object& schema, Found& found) const;
  void compare_object(const boost::json::object& schema, Found& found) const;
  void compare_array(const boost::json::object& schema, Found& found) const;
  bool fits(const boost::json::value& schema, const boost::json::value& value) const;
  void inspect(const boost::json::value& schema, const std::string& path,
               std::vector<std::string>& found) const;

  const boost::json::value& document_;
};

}  // namespace restored::test
