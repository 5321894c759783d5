// Who asks: Bearer tokens on the first surface, Basic (email and key) on the second.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/call.h"

namespace restored::control {

// The secret that the header carries in the surface's own scheme; nothing when it carries none.
std::optional<std::string> presented_secret(std::string_view authorization, Surface surface);

// Fills in principal and scopes. Errors: authentication_required (missing, malformed, unknown,
// revoked, the other surface's scheme), permission_missing (none of `any_of`).
Result<void> authenticate(Call& call, Scopes any_of);

// Those that a token gives but the caller does not have itself. Errors: permission_missing.
Result<void> require_all(const Call& call, Scopes scopes);

std::string scope_words(Scopes scopes, std::string_view separator);  // "read, write"
std::optional<Scope> scope_from(std::string_view text);

}  // namespace restored::control
