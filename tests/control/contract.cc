#include "contract.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>

#include "control/openapi.h"
#include "control/router.h"
#include "support/json_schema.h"

namespace restored::control {
namespace {

namespace json = boost::json;

// What HTTP itself brings to every answer.
constexpr std::array<std::string_view, 8> plain_headers{
    "cache-control", "connection", "content-length", "content-type",
    "date",          "keep-alive", "server",         "transfer-encoding"};

struct Document {
  json::value text = json::parse(openapi_document());
  test::JsonSchemas schemas{text};
};

const Document& document() {
  static const Document parsed;
  return parsed;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

const json::value* member(const json::value* object, std::string_view name) {
  return object == nullptr || !object->is_object() ? nullptr
                                                   : object->get_object().if_contains(name);
}

// The operation that the router finds, as the document describes it; null: there is none.
const json::value* operation_of(const Route* route) {
  if (route == nullptr) return nullptr;
  const json::value* path = member(member(&document().text, "paths"), route->pattern);
  return member(path, lower(route->method));
}

// An answer that belongs to no operation, or came before there was a request.
const json::value* answer_without_operation(std::string_view path, int status) {
  const bool second = surface_of(path) == Surface::second;
  std::string name = second ? "Second" : "";
  if (status == 400) name += "Invalid";
  if (status == 404) name += "NotFound";
  if (status == 405) name += "MethodNotAllowed";
  if (status == 413) name += "BodyTooLarge";
  if (status == 431) name += "HeaderTooLarge";
  const json::value* components = member(&document().text, "components");
  return member(member(components, "responses"), name);
}

class Comparison {
 public:
  Comparison(const json::value& response, const HttpAnswer& answer, bool with_body)
      : response_(response), answer_(answer) {
    compare_headers();
    if (with_body) compare_body();
  }
  std::vector<std::string> breaches;

 private:
  void compare_headers() {
    const json::value* documented = member(&response_, "headers");
    for (const auto& [name, text] : answer_.headers) {
      if (std::ranges::find(plain_headers, name) != plain_headers.end()) continue;
      const json::value* header = header_named(documented, name);
      if (header == nullptr) {
        breaches.push_back("the header " + name + " is not documented");
        continue;
      }
      add("the header " + name, member(header, "schema"), json::value(text));
    }
    if (documented == nullptr) return;
    for (const auto& row : documented->as_object()) {
      const json::value* header = document().schemas.resolved(row.value());
      const json::value* required = member(header, "required");
      if (required != nullptr && required->as_bool() &&
          !answer_.headers.contains(lower(row.key()))) {
        breaches.push_back("the header " + std::string(row.key()) + " is missing");
      }
    }
  }
  const json::value* header_named(const json::value* documented, std::string_view name) const {
    if (documented == nullptr) return nullptr;
    for (const auto& row : documented->as_object()) {
      if (lower(row.key()) == name) return document().schemas.resolved(row.value());
    }
    return nullptr;
  }

  void compare_body() {
    const json::value* content = member(&response_, "content");
    if (content == nullptr) {
      if (!answer_.text.empty()) breaches.push_back("the body is not documented");
      return;
    }
    const std::string type = answer_.header("content-type");
    const json::value* media = member(content, type.substr(0, type.find(';')));
    if (media == nullptr) {
      breaches.push_back("the content type " + type + " is not documented");
      return;
    }
    const bool json_text = type.ends_with("json") && !type.ends_with("ndjson");
    add("the body", member(media, "schema"), json_text ? answer_.body : json::value(answer_.text));
  }

  void add(const std::string& what, const json::value* schema, const json::value& value) {
    if (schema == nullptr) {
      breaches.push_back(what + " has no schema");
      return;
    }
    for (const std::string& difference : document().schemas.differences(*schema, value)) {
      breaches.push_back(what + ": " + difference);
    }
  }

  const json::value& response_;
  const HttpAnswer& answer_;
};

std::vector<std::string> request_breaches(const json::value& operation,
                                          const std::optional<std::string>& body) {
  json::error_code error;
  const json::value sent = json::parse(body.value_or(""), error);
  const json::value* media =
      member(member(member(&operation, "requestBody"), "content"), "application/json");
  if (error || media == nullptr) return {};
  std::vector<std::string> breaches = document().schemas.differences(media->at("schema"), sent);
  for (std::string& one : breaches) one.insert(0, "the request that was accepted: ");
  return breaches;
}

}  // namespace

std::vector<std::string> contract_breaches(std::string_view method, std::string_view target,
                                           const std::optional<std::string>& body,
                                           const HttpAnswer& answer) {
  if (answer.status == 0) return {};  // nothing came: that is for the test to judge
  const std::string_view path = target.substr(0, target.find('?'));
  const json::value* operation = operation_of(match(routes(), method, path).route);
  const std::string status = std::to_string(answer.status);
  const json::value* response = operation == nullptr
                                    ? answer_without_operation(path, answer.status)
                                    : member(member(operation, "responses"), status);
  if (response != nullptr) response = document().schemas.resolved(*response);
  if (response == nullptr) return {"the status " + status + " is not documented"};
  Comparison comparison(*response, answer, method != "HEAD");
  if (operation != nullptr && answer.status < 300) {
    const std::vector<std::string> more = request_breaches(*operation, body);
    comparison.breaches.insert(comparison.breaches.end(), more.begin(), more.end());
  }
  return std::move(comparison.breaches);
}

}  // namespace restored::control
