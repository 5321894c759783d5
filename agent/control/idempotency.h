// A request with an Idempotency-Key: carried out once, and answered the same each time it is sent.
//
// Everything that is kept of it follows from the key together with the secret that the client
// presents, so what is on disk opens no answer, tells no key and no secret: SHA-256 names the
// request, HMAC its content; the answer, which may show a password, is sealed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/call.h"
#include "restored/intent.h"
#include "restored/requests.h"
#include "seal/key.h"

namespace restored::control {

// Threading: like a value.
class KeyedRequest {
 public:
  // Errors: invalid_request (no key that may be), idempotency_key_in_use, idempotency_key_reused,
  // the disk's. REQUIRES: the secret is that of the call's token.
  // `hold` is that of Preferences where the route reads it: with it, it is another request.
  static Result<KeyedRequest> begin(const Call& call, std::string_view secret,
                                    std::string_view hold, AuditEntry begun);

  // What the first one was answered, if it was. Errors: corruption.
  Result<std::optional<Response>> answer() const;
  // The same for each that is carried out, until one is answered.
  Intent intent() const;
  const RequestClaim& claim() const { return claimed_.claim; }
  std::uint64_t sequence() const { return claimed_.sequence; }  // of its entry in the audit
  // For RequestRecords::record().
  std::string sealed(const Response& response) const;

 private:
  KeyedRequest(seal::Key root, std::string name, RequestRecords::Claimed claimed)
      : root_(std::move(root)), name_(std::move(name)), claimed_(std::move(claimed)) {}
  seal::Key derived(std::string_view purpose) const;

  seal::Key root_;
  std::string name_;
  RequestRecords::Claimed claimed_;
};

// Whether a repetition gets this answer; else it is carried out, and may fare better.
bool is_final(const Response& response);

}  // namespace restored::control
