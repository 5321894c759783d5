// What the audit says of a request.
#pragma once

#include "control/call.h"
#include "restored/requests.h"

namespace restored::control {

// Everything but what the request's Exchange knows: when it began, and whether it is a repetition.
AuditEntry audit_entry(const Call& call, const Response& response);

}  // namespace restored::control
