// openapi.json is complete, sound, and says what the code's own tables say. That the answers are
// what it says is asked of every answer that the other tests of this folder get (contract.h).
#include "control/openapi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "control/authentication.h"
#include "control/router.h"
#include "support/json_schema.h"

namespace restored::control {
namespace {

namespace json = boost::json;

using Names = std::set<std::string>;

constexpr std::string_view all_wires[] = {
#define RESTORED_ERROR(name, number, wire, http, exit, retry, hint) wire,
#include "restored/error_codes.def"
#undef RESTORED_ERROR
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

class OpenapiTest : public testing::Test {
 protected:
  const json::object& part(std::string_view name) const {
    return document_.at("components").at(name).as_object();
  }
  const json::value& resolved(const json::value& value) const {
    const json::value* found = schemas_.resolved(value);
    EXPECT_NE(found, nullptr) << json::serialize(value);
    return found == nullptr ? value : *found;
  }
  template <class Visit>  // (const json::value& operation, const std::string& name)
  void each_operation(Visit visit) const {
    for (const auto& path : document_.at("paths").as_object()) {
      for (const auto& operation : path.value().as_object()) {
        visit(operation.value(), std::string(operation.key()) + " " + std::string(path.key()));
      }
    }
  }
  void expect_sound(const json::value& schema, const std::string& where) const {
    for (const std::string& fault : schemas_.faults(schema)) ADD_FAILURE() << where << fault;
  }
  // A body's schema and its example.
  void expect_sound_content(const json::value& holder, const std::string& where) const {
    const json::value* content = holder.as_object().if_contains("content");
    if (content == nullptr) return;
    for (const auto& media : content->as_object()) {
      const json::value& schema = media.value().at("schema");
      expect_sound(schema, where);
      const json::value* example = media.value().as_object().if_contains("example");
      if (example == nullptr) continue;
      for (const std::string& difference : schemas_.differences(schema, *example)) {
        ADD_FAILURE() << where << ": its example: " << difference;
      }
    }
  }

  const json::value document_ = json::parse(openapi_document());
  const test::JsonSchemas schemas_{document_};
};

TEST_F(OpenapiTest, DescribesEveryRouteAndNothingElse) {
  Names routed;
  for (const Route& route : routes()) {
    routed.insert(lower(route.method) + " " + std::string(route.pattern));
  }
  Names described;
  each_operation([&](const json::value&, const std::string& name) { described.insert(name); });
  EXPECT_EQ(described, routed) << "who adds a route adds it to agent/control/openapi.json";
}

TEST_F(OpenapiTest, AsksForTheScopesThatTheRoutesAskFor) {
  for (const Route& route : routes()) {
    const json::value* path = document_.at("paths").as_object().if_contains(route.pattern);
    if (path == nullptr || !path->as_object().contains(lower(route.method))) continue;
    Scopes asked = 0;
    for (const json::value& one : path->at(lower(route.method)).at("security").as_array()) {
      const auto& scheme = *one.as_object().begin();
      EXPECT_EQ(scheme.key(), route.surface == Surface::second ? "Basic" : "Bearer");
      for (const json::value& name : scheme.value().as_array()) {
        const auto scope = scope_from(name.as_string());
        ASSERT_TRUE(scope) << json::serialize(name);
        asked = static_cast<Scopes>(asked | static_cast<Scopes>(*scope));
      }
    }
    EXPECT_EQ(asked, route.any_of) << route.method << " " << route.pattern;
  }
}

TEST_F(OpenapiTest, KnowsEveryErrorCode) {
  Names known;
  for (const json::value& code : part("schemas").at("ErrorCode").at("enum").as_array()) {
    EXPECT_TRUE(known.emplace(code.as_string()).second) << json::serialize(code);
  }
  EXPECT_EQ(known, Names(std::begin(all_wires), std::end(all_wires)))
      << "who adds a code adds it to ErrorCode in agent/control/openapi.json";
}

TEST_F(OpenapiTest, EverySchemaAndExampleIsSound) {
  EXPECT_TRUE(document_.at("openapi").as_string().starts_with("3.1."));
  for (const auto& schema : part("schemas")) expect_sound(schema.value(), schema.key());
  for (const auto& header : part("headers")) {
    expect_sound(header.value().at("schema"), header.key());
  }
  for (const auto& parameter : part("parameters")) {
    expect_sound(parameter.value().at("schema"), parameter.key());
  }
  for (const auto& response : part("responses")) {
    expect_sound_content(response.value(), response.key());
  }
  each_operation([&](const json::value& operation, const std::string& name) {
    if (const json::value* body = operation.as_object().if_contains("requestBody")) {
      expect_sound_content(*body, name);
    }
    for (const auto& answer : operation.at("responses").as_object()) {
      const json::value& response = resolved(answer.value());
      EXPECT_TRUE(response.at("description").is_string()) << name;
      expect_sound_content(response, name + " " + std::string(answer.key()));
      for (const auto& header : response.at("headers").as_object()) resolved(header.value());
    }
  });
}

TEST_F(OpenapiTest, OperationsHaveTheirPathsParametersAndOneName) {
  Names names;
  each_operation([&](const json::value& operation, const std::string& name) {
    EXPECT_TRUE(names.emplace(operation.at("operationId").as_string()).second) << name;
    Names described;
    for (const json::value& one : operation.at("parameters").as_array()) {
      const json::value& parameter = resolved(one);
      if (parameter.at("in").as_string() != "path") continue;
      EXPECT_EQ(parameter.at("required"), true);
      described.emplace(parameter.at("name").as_string());
    }
    Names wanted;
    for (std::size_t at = name.find('{'); at != std::string::npos; at = name.find('{', at + 1)) {
      wanted.insert(name.substr(at + 1, name.find('}', at) - at - 1));
    }
    EXPECT_EQ(described, wanted) << name;
  });
}

TEST_F(OpenapiTest, IsAsciiAndHasNothingThatNobodyRefersTo) {
  const std::string& text = openapi_document();
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }))
      << "it is cut into literals at any byte";
  // Those that no operation has: the router's own answers.
  const Names of_the_router{"MethodNotAllowed", "SecondMethodNotAllowed"};
  for (const char* kind : {"schemas", "responses", "parameters", "headers"}) {
    for (const auto& entry : part(kind)) {
      const std::string name(entry.key());
      if (of_the_router.contains(name)) continue;
      EXPECT_NE(text.find("\"#/components/" + std::string(kind) + "/" + name + "\""),
                std::string::npos)
          << kind << "/" << name;
    }
  }
}

}  // namespace
}  // namespace restored::control
