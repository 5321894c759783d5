// One request and its way to an answer: route, authenticate, handle, put on record. Knows no
// sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "control/call.h"
#include "control/idempotency.h"
#include "control/router.h"

namespace restored::control {

// Threading: one thread at a time.
class Exchange {
 public:
  Exchange(Site& site, Request request);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // What answer() may wait for: which pool it belongs on.
  Reach reach() const;
  // The same of refuse().
  Reach refusal_reach() const { return changes_ ? Reach::disk : Reach::memory; }
  // Answers what is no request that can be handled.
  Response refuse(const Error& refusal);
  // May block on what reach() says. An answer with `wait` is complete as it is, but may
  // be replaced by that of finish().
  Response answer();
  // The answer as it is, when nobody can wait for that of finish(). May block as answer().
  Response unwaited(Response response);
  // Blocks until the wait's answer is there, or soon after stop was asked.
  Response finish(const Wait& wait, std::stop_token stop);

  const Request& request() const { return request_; }

 private:
  Result<Response> handle();
  AuditEntry begun_entry() const;
  Result<void> begin();
  Result<Response> carry_out(const Route& route, const std::string& secret);
  // What was accepted and goes on, in the form that the client would like best.
  Response preferred(Response response) const;
  // The answer, when it is in the audit and, if it is whole, found again by the request's key; else
  // an error.
  Response recorded(Response response, bool whole);
  Response ended(Response response, bool whole);

  Request request_;
  Match found_;
  Call call_;  // refers to request_
  const bool changes_;
  const UnixMillis begun_at_;
  bool let_in_ = false;
  bool replayed_ = false;
  std::uint64_t sequence_ = 0;  // of the entry that was begun
  std::optional<KeyedRequest> keyed_;
};

}  // namespace restored::control
