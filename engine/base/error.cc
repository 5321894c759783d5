#include "restored/error.h"

#include "base/check.h"

namespace restored {

const ErrorFacts& facts(ErrorCode code) {
  switch (code) {
#define RESTORED_ERROR(name, number, wire, http, exit, retry, hint)           \
  case ErrorCode::name: {                                                     \
    static constexpr ErrorFacts row = {#name, wire, http, exit, retry, hint}; \
    return row;                                                               \
  }
#include "restored/error_codes.def"
#undef RESTORED_ERROR
  }
  check_failed("every code has a row", __FILE__, __LINE__, "a number was cast to ErrorCode");
}

}  // namespace restored
