// The checker that every answer goes through must itself see what is wrong.
#include "support/json_schema.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace restored::test {
namespace {

namespace json = boost::json;

const json::value document = json::parse(R"({"parts": {
    "Name": {"type": "string", "pattern": "^[a-z]+$"},
    "Alias": {"$ref": "#/parts/Name"},
    "Circle": {"$ref": "#/parts/Circle"},
    "Tree": {"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
      "name": {"$ref": "#/parts/Alias"},
      "children": {"type": "array", "items": {"$ref": "#/parts/Tree"}}}}}})");

std::size_t differences(const char* schema, const char* value) {
  return JsonSchemas(document).differences(json::parse(schema), json::parse(value)).size();
}
bool takes(const char* schema, const char* value) {
  return differences(schema, value) == 0;
}
bool sound(const char* schema) {
  return JsonSchemas(document).faults(json::parse(schema)).empty();
}

TEST(JsonSchemaTest, TypesAreTold) {
  const char* const values[] = {"null", "true", "{}", "[]", "\"x\"", "1.5", "7"};
  const char* const types[] = {"null", "boolean", "object", "array", "string", "number"};
  for (std::size_t type = 0; type < 6; ++type) {
    const std::string schema = R"({"type": ")" + std::string(types[type]) + "\"}";
    for (std::size_t value = 0; value < 7; ++value) {
      const bool fits = value == type || (type == 5 && value == 6);
      EXPECT_EQ(takes(schema.c_str(), values[value]), fits) << schema << values[value];
    }
  }
  EXPECT_TRUE(takes(R"({"type": "integer"})", "18446744073709551615"));
  EXPECT_TRUE(takes(R"({"type": "integer"})", "2.0"));
  EXPECT_FALSE(takes(R"({"type": "integer"})", "2.5"));
  EXPECT_TRUE(takes(R"({"type": ["string", "null"]})", "null"));
  EXPECT_FALSE(takes(R"({"type": ["string", "null"]})", "5"));
}

TEST(JsonSchemaTest, EveryKeywordCanFail) {
  const struct {
    const char* schema;
    const char* good;
    const char* bad;
  } rows[] = {
      {R"({"enum": ["a", 1, null]})", "null", "\"b\""},
      {R"({"const": "OK"})", "\"OK\"", "\"ok\""},
      {R"({"pattern": "^a.c$"})", "\"abc\"", "\"abcd\""},
      {R"({"minLength": 2})", "\"ab\"", "\"a\""},
      {R"({"maxLength": 2})", "\"\u00e4\u00e4\"", "\"abc\""},
      {R"({"minimum": 0})", "0", "-1"},
      {R"({"maximum": 65535})", "65535", "65536"},
      {R"({"minItems": 1})", "[1]", "[]"},
      {R"({"maxItems": 0})", "[]", "[1]"},
      {R"({"uniqueItems": true})", "[1, 2]", "[1, 2, 1]"},
      {R"({"items": {"type": "string"}})", "[\"a\"]", "[\"a\", 1]"},
      {R"({"required": ["a"]})", R"({"a": null})", "{}"},
      {R"({"properties": {"a": {"type": "null"}}})", R"({"a": null, "b": 1})", R"({"a": 1})"},
      {R"({"properties": {"a": {}}, "additionalProperties": false})", R"({"a": 1})", R"({"b": 1})"},
      {R"({"additionalProperties": {"type": "null"}})", R"({"b": null})", R"({"b": 1})"},
      {R"({"anyOf": [{"type": "null"}, {"const": 1}]})", "1", "2"},
      {R"({"oneOf": [{"minimum": 0}, {"maximum": 9}]})", "10", "5"},
      {R"({"allOf": [{"minimum": 0}, {"maximum": 9}]})", "5", "10"},
      {R"({"$ref": "#/parts/Alias"})", "\"abc\"", "\"ABC\""},
  };
  for (const auto& row : rows) {
    EXPECT_TRUE(sound(row.schema)) << row.schema;
    EXPECT_TRUE(takes(row.schema, row.good)) << row.schema << row.good;
    EXPECT_FALSE(takes(row.schema, row.bad)) << row.schema << row.bad;
  }
}

TEST(JsonSchemaTest, TheDeepestDifferenceIsFoundAndNamed) {
  const json::value schema = json::parse(R"({"$ref": "#/parts/Tree"})");
  const json::value value = json::parse(
      R"({"name": "a", "children": [{"name": "b"}, {"name": "c", "children": [{"nam": "d"}]}]})");
  const auto found = JsonSchemas(document).differences(schema, value);
  ASSERT_EQ(found.size(), 2u);
  for (const std::string& one : found) {
    EXPECT_TRUE(one.starts_with("children: 1: children: 0: ")) << one;
  }
  EXPECT_EQ(differences(R"({"$ref": "#/parts/Tree"})", R"({"name": "B", "childs": 1})"), 2u);
}

TEST(JsonSchemaTest, ASchemaThatCannotBeCheckedIsAFault) {
  for (const char* schema :
       {R"({"typ": "string"})", R"({"type": "int"})", R"({"type": 5})", R"({"nullable": true})",
        R"({"$ref": "#/parts/Nobody"})", R"({"$ref": "other.json#/parts/Name"})",
        R"({"$ref": "#/parts/Circle"})", R"({"items": 5})",
        R"({"properties": {"a": {"allOf": [{"required": []}, {"if": {}}]}}})"}) {
    EXPECT_FALSE(sound(schema)) << schema;
  }
  EXPECT_FALSE(takes(R"({"$ref": "#/parts/Nobody"})", "1"));
  EXPECT_FALSE(takes(R"({"$ref": "#/parts/Circle"})", "1"));
}

}  // namespace
}  // namespace restored::test
