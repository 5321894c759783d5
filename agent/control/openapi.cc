#include "control/openapi.h"

#include <string_view>

#include "control/handlers.h"

namespace restored::control {
namespace {

using std::string_view_literals::operator""sv;

// In parts: no compiler has to take a literal of more than 64 KiB.
constexpr std::string_view parts[] = {
#include "openapi_parts.inc"
};

std::string joined() {
  std::string whole;
  for (const std::string_view part : parts) whole += part;
  return whole;
}

}  // namespace

const std::string& openapi_document() {
  static const std::string document = joined();
  return document;
}

Result<Response> get_description(const Call&) {
  Response response;
  response.body = openapi_document();
  return response;
}

}  // namespace restored::control
