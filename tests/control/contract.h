// What openapi.json says of an answer, against the answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients.h"

namespace restored::control {

// Every way in which the answer to this request differs from the document: a status, a header or a
// member that it does not know or that lacks. After a success the request's body, too, must be one
// that the document allows.
std::vector<std::string> contract_breaches(std::string_view method, std::string_view target,
                                           const std::optional<std::string>& body,
                                           const HttpAnswer& answer);

}  // namespace restored::control
