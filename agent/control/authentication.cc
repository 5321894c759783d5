#include "control/authentication.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/secret_text.h"

namespace restored::control {
namespace {

constexpr std::array<std::pair<Scope, std::string_view>, 3> scope_names{{
    {Scope::read, "read"},
    {Scope::write, "write"},
    {Scope::restore, "restore"},
}};

// What follows the scheme, when it is this one; the scheme's case does not matter (RFC 9110, 11.1).
std::optional<std::string_view> after_scheme(std::string_view header, std::string_view scheme) {
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return std::nullopt;
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  if (!std::equal(scheme.begin(), scheme.end(), header.begin(), same)) return std::nullopt;
  header.remove_prefix(scheme.size());
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  if (header.empty()) return std::nullopt;
  return header;
}

int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = sextet(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  if (count >= 6) return std::nullopt;  // a lone last character carries no byte
  return out;
}

// An account's email; "admin" stands for the administrator, who has none.
bool names_an_account(std::string_view user) {
  const std::size_t at = user.find('@');
  return user == "admin" || (at != std::string_view::npos && at > 0 && at + 1 < user.size());
}

Error unauthenticated(Surface surface) {
  return Error{ErrorCode::authentication_required,
               surface == Surface::second ? "the request carries no valid email and API key (Basic)"
                                          : "the request carries no valid Bearer token",
               {}};
}

}  // namespace

std::optional<std::string> presented_secret(std::string_view authorization, Surface surface) {
  if (surface != Surface::second) {
    const auto token = after_scheme(authorization, "Bearer");
    if (!token) return std::nullopt;
    return std::string(*token);
  }
  const auto encoded = after_scheme(authorization, "Basic");
  if (!encoded) return std::nullopt;
  std::optional<std::string> plain = base64_decoded(*encoded);
  if (!plain) return std::nullopt;
  const WipeAtEnd wiped(*plain);
  const std::size_t colon = plain->find(':');
  if (colon == std::string::npos || !names_an_account(plain->substr(0, colon))) return std::nullopt;
  return plain->substr(colon + 1);
}

Result<void> authenticate(Call& call, Scopes any_of) {
  auto secret = presented_secret(call.request.authorization, call.surface);
  if (!secret || secret->empty()) return std::unexpected(unauthenticated(call.surface));
  const WipeAtEnd wiped(*secret);
  const std::optional<TokenInfo> token = call.engine().token(*secret);
  if (!token) return std::unexpected(unauthenticated(call.surface));
  call.principal = fmt::format("token:{} {}", token->name, call.request.peer);
  call.token = *token;
  if ((token->scopes & any_of) != 0) return {};
  return fail(ErrorCode::permission_missing,
              fmt::format("token {} lacks the scope {}", token->name, scope_words(any_of, " or ")));
}

Result<void> require_all(const Call& call, Scopes scopes) {
  const Scopes missing = static_cast<Scopes>(scopes & ~call.token.scopes);
  if (missing == 0) return {};
  return fail(ErrorCode::permission_missing,
              fmt::format("this needs the scope {} too", scope_words(missing, " and ")));
}

std::string scope_words(Scopes scopes, std::string_view separator) {
  std::string words;
  for (const auto& [scope, name] : scope_names) {
    if ((scopes & static_cast<Scopes>(scope)) == 0) continue;
    if (!words.empty()) words += separator;
    words += name;
  }
  return words;
}

std::optional<Scope> scope_from(std::string_view text) {
  for (const auto& [scope, name] : scope_names) {
    if (name == text) return scope;
  }
  return std::nullopt;
}

}  // namespace restored::control
