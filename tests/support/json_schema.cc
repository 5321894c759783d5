#include "support/json_schema.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <map>
#include <regex>

namespace restored::test {
namespace {

namespace json = boost::json;

enum class Holds { nothing, schema, schemas, named_schemas };
constexpr std::array<std::pair<std::string_view, Holds>, 26> keywords{{
    {"$ref", Holds::nothing},        {"type", Holds::nothing},
    {"enum", Holds::nothing},        {"const", Holds::nothing},
    {"required", Holds::nothing},    {"properties", Holds::named_schemas},
    {"items", Holds::schema},        {"additionalProperties", Holds::schema},
    {"oneOf", Holds::schemas},       {"anyOf", Holds::schemas},
    {"allOf", Holds::schemas},       {"pattern", Holds::nothing},
    {"minimum", Holds::nothing},     {"maximum", Holds::nothing},
    {"minLength", Holds::nothing},   {"maxLength", Holds::nothing},
    {"minItems", Holds::nothing},    {"maxItems", Holds::nothing},
    {"uniqueItems", Holds::nothing}, {"format", Holds::nothing},
    {"title", Holds::nothing},       {"description", Holds::nothing},
    {"default", Holds::nothing},     {"deprecated", Holds::nothing},
    {"examples", Holds::nothing},    {"$comment", Holds::nothing},
}};
constexpr std::array<std::string_view, 7> types{"null",   "boolean", "object", "array",
                                                "string", "number",  "integer"};

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

bool has_type(const json::value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type != "integer" || !value.is_number()) return false;
  json::error_code inexact;  // 1.0 is an integer too
  value.to_number<std::int64_t>(inexact);
  return value.is_uint64() || !inexact;
}

bool matches(std::string_view text, std::string_view pattern) {
  thread_local std::map<std::string, std::regex, std::less<>> compiled;
  auto found = compiled.find(pattern);
  if (found == compiled.end()) {
    const std::string owned(pattern);
    found = compiled.emplace(owned, std::regex(owned)).first;
  }
  return std::regex_search(text.begin(), text.end(), found->second);
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

// The differences of one value, and of what is inside it.
class JsonSchemas::Found {
 public:
  Found(const json::value& found_in, std::vector<std::string>& list)
      : value(found_in), list_(list) {}

  void differs(const std::string& how) {
    list_.push_back(how + ", it is " + json::serialize(value).substr(0, 200));
  }
  void inside(std::string_view name, const std::vector<std::string>& differences) {
    for (const std::string& one : differences) list_.push_back(std::string(name) + ": " + one);
  }
  void append(const std::vector<std::string>& differences) {
    list_.insert(list_.end(), differences.begin(), differences.end());
  }

  const json::value& value;

 private:
  std::vector<std::string>& list_;
};

const json::value* JsonSchemas::resolved(const json::value& value) const {
  const json::value* here = &value;
  for (int steps = 0; steps < 16; ++steps) {
    const auto* object = here->if_object();
    const json::value* target = object == nullptr ? nullptr : object->if_contains("$ref");
    if (target == nullptr) return here;
    if (!target->is_string() || !view(target->get_string()).starts_with("#/")) return nullptr;
    json::error_code error;
    here = document_.find_pointer(view(target->get_string()).substr(1), error);
    if (error || here == nullptr) return nullptr;
  }
  return nullptr;  // in a circle
}

std::vector<std::string> JsonSchemas::differences(const json::value& schema,
                                                  const json::value& value) const {
  std::vector<std::string> found;
  Found here(value, found);
  const json::value* target = resolved(schema);
  if (target == nullptr) {
    found.push_back("the reference leads nowhere: " + json::serialize(schema));
  } else if (target->is_bool()) {
    if (!target->get_bool()) here.differs("nothing may stand here");
  } else {
    compare(target->as_object(), here);
  }
  return found;
}

bool JsonSchemas::fits(const json::value& schema, const json::value& value) const {
  return differences(schema, value).empty();
}

void JsonSchemas::compare(const json::object& schema, Found& found) const {
  const json::value& value = found.value;
  if (const json::value* type = schema.if_contains("type")) {
    const json::array wanted = type->is_array() ? type->get_array() : json::array{*type};
    if (std::ranges::none_of(
            wanted, [&](const auto& one) { return has_type(value, view(one.as_string())); })) {
      found.differs("is no " + json::serialize(*type));
      return;
    }
  }
  if (const json::value* only = schema.if_contains("const"); only != nullptr && *only != value) {
    found.differs("is not " + json::serialize(*only));
  }
  if (const json::value* list = schema.if_contains("enum")) {
    const json::array& words = list->as_array();
    if (std::find(words.begin(), words.end(), value) == words.end()) {
      found.differs("is none of " + json::serialize(*list));
    }
  }
  const auto bound = [&](const char* name) { return schema.if_contains(name); };
  if (const json::string* text = value.if_string()) {
    const json::value* pattern = bound("pattern");
    if (pattern != nullptr && !matches(view(*text), view(pattern->as_string()))) {
      found.differs("does not match " + json::serialize(*pattern));
    }
    const std::size_t length = characters(view(*text));
    if (const auto* least = bound("minLength"); least && length < least->to_number<std::size_t>())
      found.differs("is too short");
    if (const auto* most = bound("maxLength"); most && length > most->to_number<std::size_t>())
      found.differs("is too long");
  }
  if (value.is_number()) {
    const auto number = value.to_number<double>();
    if (const auto* least = bound("minimum"); least && number < least->to_number<double>())
      found.differs("is less than " + json::serialize(*least));
    if (const auto* most = bound("maximum"); most && number > most->to_number<double>())
      found.differs("is more than " + json::serialize(*most));
  }
  if (value.is_object()) compare_object(schema, found);
  if (value.is_array()) compare_array(schema, found);
  compare_alternatives(schema, found);
}

void JsonSchemas::compare_alternatives(const json::object& schema, Found& found) const {
  const auto fitting = [&](const json::value& list) {
    return std::ranges::count_if(list.as_array(),
                                 [&](const auto& one) { return fits(one, found.value); });
  };
  if (const json::value* all = schema.if_contains("allOf")) {
    for (const json::value& one : all->as_array()) {
      found.append(differences(one, found.value));
    }
  }
  if (const json::value* any = schema.if_contains("anyOf"); any != nullptr && fitting(*any) == 0) {
    found.differs("is none of the alternatives");
  }
  if (const json::value* one = schema.if_contains("oneOf"); one != nullptr && fitting(*one) != 1) {
    found.differs("is not exactly one of the alternatives");
  }
}

void JsonSchemas::compare_object(const json::object& schema, Found& found) const {
  const json::object& object = found.value.get_object();
  if (const json::value* required = schema.if_contains("required")) {
    for (const json::value& name : required->as_array()) {
      if (!object.contains(view(name.as_string()))) {
        found.differs("lacks " + std::string(view(name.as_string())));
      }
    }
  }
  const json::value* known = schema.if_contains("properties");
  const json::value* others = schema.if_contains("additionalProperties");
  for (const auto& member : object) {
    const json::value* own = known ? known->as_object().if_contains(member.key()) : others;
    if (own == nullptr) own = others;
    if (own == nullptr) continue;
    found.inside(std::string_view(member.key()), differences(*own, member.value()));
  }
}

void JsonSchemas::compare_array(const json::object& schema, Found& found) const {
  const json::array& array = found.value.get_array();
  if (const auto* least = schema.if_contains("minItems");
      least != nullptr && array.size() < least->to_number<std::size_t>())
    found.differs("has too few items");
  if (const auto* most = schema.if_contains("maxItems");
      most != nullptr && array.size() > most->to_number<std::size_t>())
    found.differs("has too many items");
  if (const auto* unique = schema.if_contains("uniqueItems"); unique && unique->as_bool()) {
    for (auto item = array.begin(); item != array.end(); ++item) {
      if (std::find(item + 1, array.end(), *item) != array.end())
        found.differs("has an item twice");
    }
  }
  const json::value* items = schema.if_contains("items");
  for (std::size_t index = 0; items != nullptr && index < array.size(); ++index) {
    found.inside(std::to_string(index), differences(*items, array[index]));
  }
}

std::vector<std::string> JsonSchemas::faults(const json::value& schema) const {
  std::vector<std::string> found;
  inspect(schema, "", found);
  return found;
}

void JsonSchemas::inspect(const json::value& schema, const std::string& path,
                          std::vector<std::string>& found) const {
  if (schema.is_bool()) return;
  if (!schema.is_object()) {
    found.push_back(path + " is no schema");
    return;
  }
  if (schema.get_object().contains("$ref") && resolved(schema) == nullptr) {
    found.push_back(path + "/$ref leads nowhere: " + json::serialize(schema));
  }
  for (const auto& member : schema.get_object()) {
    const std::string here = path + "/" + std::string(member.key());
    const auto* const row = std::ranges::find(keywords, std::string_view(member.key()),
                                              [](const auto& known) { return known.first; });
    if (row == keywords.end()) {
      found.push_back(here + " is no keyword that is known here");
      continue;
    }
    if (row->first == "type") {
      const json::array list =
          member.value().is_array() ? member.value().get_array() : json::array{member.value()};
      for (const json::value& type : list) {
        const bool known =
            type.is_string() && std::ranges::find(types, view(type.get_string())) != types.end();
        if (!known) found.push_back(here + " is no type: " + json::serialize(type));
      }
    }
    if (row->second == Holds::schema) inspect(member.value(), here, found);
    if (row->second == Holds::schemas) {
      for (const json::value& one : member.value().as_array()) inspect(one, here, found);
    }
    if (row->second != Holds::named_schemas) continue;
    for (const auto& one : member.value().as_object()) {
      inspect(one.value(), here + "/" + std::string(one.key()), found);
    }
  }
}

}  // namespace restored::test
