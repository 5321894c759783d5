// The OpenAPI 3.1 document of every route: openapi.json, which is part of the program.
#pragma once

#include <string>

namespace restored::control {

const std::string& openapi_document();

}  // namespace restored::control
