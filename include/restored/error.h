// Errors of the world (disk, peer, kernel, user), as values. Our own mistakes are CHECKs.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace restored {

// Stable numbers; see error_codes.def, the one table.
enum class ErrorCode : std::uint16_t {
#define RESTORED_ERROR(name, number, wire, http, exit, retry, hint) name = number,
#include "restored/error_codes.def"
#undef RESTORED_ERROR
};

struct ErrorFacts {
  std::string_view name;  // identifier, e.g. "backup_not_found"
  std::string_view wire;  // kebab-case code of the first HTTP surface
  int http_status;
  int exit_status;
  bool retry;
  std::string_view hint;  // default; an Error may carry a better one
};

// Total: every ErrorCode has a row.
const ErrorFacts& facts(ErrorCode code);

// Callers branch on code, never on text. The message is one sentence with names and numbers,
// without a trailing full stop; each layer adds its context once, in front, with context().
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string hint;  // empty: the table's

  std::string_view hint_text() const {
    return hint.empty() ? facts(code).hint : std::string_view(hint);
  }
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return std::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}

// "<where>: <message>", same code and hint.
inline Error context(std::string_view where, Error error) {
  error.message.insert(0, std::string(where) + ": ");
  return error;
}

}  // namespace restored

#define RESTORED_CONCAT_(a, b) a##b
#define RESTORED_CONCAT(a, b) RESTORED_CONCAT_(a, b)

// RESTORED_TRY(expression)               returns the error of a Result<void>, or goes on
// RESTORED_TRY(declaration, expression)  the same, and initialises the declaration from the value
#define RESTORED_TRY_VOID_(ret, name, expr)                  \
  do {                                                       \
    auto name = (expr);                                      \
    if (!name) ret std::unexpected(std::move(name).error()); \
  } while (false)
#define RESTORED_TRY_VALUE_(ret, name, decl, expr)         \
  auto name = (expr);                                      \
  if (!name) ret std::unexpected(std::move(name).error()); \
  decl = std::move(*name)
#define RESTORED_TRY_PICK_(a, b, chosen, ...) chosen
#define RESTORED_TRY_1_(expr) \
  RESTORED_TRY_VOID_(return, RESTORED_CONCAT(restored_try_, __LINE__), expr)
#define RESTORED_TRY_2_(decl, expr) \
  RESTORED_TRY_VALUE_(return, RESTORED_CONCAT(restored_try_, __LINE__), decl, expr)
#define RESTORED_TRY(...) \
  RESTORED_TRY_PICK_(__VA_ARGS__, RESTORED_TRY_2_, RESTORED_TRY_1_, )(__VA_ARGS__)
#define RESTORED_CO_TRY_1_(expr) \
  RESTORED_TRY_VOID_(co_return, RESTORED_CONCAT(restored_try_, __LINE__), expr)
#define RESTORED_CO_TRY_2_(decl, expr) \
  RESTORED_TRY_VALUE_(co_return, RESTORED_CONCAT(restored_try_, __LINE__), decl, expr)
#define RESTORED_CO_TRY(...) \
  RESTORED_TRY_PICK_(__VA_ARGS__, RESTORED_CO_TRY_2_, RESTORED_CO_TRY_1_, )(__VA_ARGS__)
