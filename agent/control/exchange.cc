#include "control/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "base/kill_point.h"
#include "base/log.h"
#include "base/secret_text.h"
#include "base/utf8.h"
#include "control/answers.h"
#include "control/audit.h"
#include "control/authentication.h"
#include "control/preferences.h"

namespace restored::control {
namespace {

// The boundary where a library's exception ends.
template <class Work>
Response guarded(const Call& call, Work work) {
  try {
    return work();
  } catch (const std::exception& thrown) {
    log::error("control", "{} {} threw: {}", call.request.method, call.request.path, thrown.what());
  } catch (...) {
    log::error("control", "{} {} threw", call.request.method, call.request.path);
  }
  return error_answer(Error{ErrorCode::internal, "the request could not be handled", {}}, call);
}

// A cancel must get through when everything else is too much, also when the disk is full.
bool is_cancel(const Route& route) {
  return route.method == "DELETE" && route.pattern == "/v1/operations/{operation}";
}

std::unexpected<Error> not_begun(const Error& cause) {
  return fail(
      ErrorCode::audit_not_written,
      fmt::format("the audit cannot be written ({}); nothing was done", cause.message),
      "Repair the state directory's device, or free space on it, then send the request again.");
}

// What an operation was begun for has changed something, however that ended.
bool was_refused(Response& response) {
  return response.header(operation_location) == nullptr && response.error &&
         facts(*response.error).http_status < 500;
}

bool about_the_key(ErrorCode code) {
  return code == ErrorCode::idempotency_key_in_use || code == ErrorCode::idempotency_key_reused ||
         code == ErrorCode::invalid_request;
}

}  // namespace

Exchange::Exchange(Site& site, Request request)
    : request_(std::move(request)),
      found_(match(routes(), request_.method, request_.path)),
      call_{.site = site, .request = request_, .surface = surface_of(request_.path)},
      changes_(request_.method != "GET" && request_.method != "HEAD"),
      begun_at_(system_clock().wall()) {}

Result<Response> Exchange::handle() {
  if (found_.route == nullptr) {
    if (found_.allowed.empty()) {
      return fail(ErrorCode::resource_not_found, "there is nothing at this path");
    }
    Response response = error_answer(
        Error{ErrorCode::method_not_allowed, "this path does not answer that method", {}}, call_);
    return response.with("Allow", found_.allowed);
  }
  const Route& route = *found_.route;
  call_.surface = route.surface;
  call_.parameters = std::move(found_.parameters);
  if (route.any_of == 0) return route.handler(call_);
  const WipeAtEnd wiped(request_.authorization);  // nobody asks for it again
  RESTORED_TRY(authenticate(call_, route.any_of));
  if (!is_cancel(route) && !call_.site.rate.take(call_.token.id)) {
    return fail(ErrorCode::rate_limited,
                fmt::format("token {} has sent more than {} requests in a second", call_.token.name,
                            call_.site.rate.per_second()));
  }
  let_in_ = true;
  if (!changes_) return route.handler(call_);
  if (request_.idempotency_key.empty()) {
    if (!is_cancel(route)) RESTORED_TRY(begin());
    return route.handler(call_);
  }
  std::string secret = presented_secret(request_.authorization, call_.surface).value_or("");
  const WipeAtEnd secret_wiped(secret);
  return carry_out(route, secret);
}

AuditEntry Exchange::begun_entry() const {
  AuditEntry entry = audit_entry(call_, Response());
  entry.at = begun_at_;
  entry.ended_at = 0;
  entry.status = 0;
  return entry;
}

// What is not on record is not begun; but a cancel waits for no disk.
Result<void> Exchange::begin() {
  const Result<std::uint64_t> begun = call_.engine().requests().begin(begun_entry());
  if (!begun) return not_begun(begun.error());
  sequence_ = *begun;
  kill_point("control.audit.after-begin");
  return {};
}

Result<Response> Exchange::carry_out(const Route& route, const std::string& secret) {
  const std::string hold = route.reads_hold ? hold_words(request_.prefer) : std::string();
  Result<KeyedRequest> keyed = KeyedRequest::begin(call_, secret, hold, begun_entry());
  if (!keyed && about_the_key(keyed.error().code)) return std::unexpected(keyed.error());
  if (!keyed && is_cancel(route)) return route.handler(call_);
  if (!keyed) return not_begun(keyed.error());
  keyed_ = std::move(*keyed);
  sequence_ = keyed_->sequence();
  Result<std::optional<Response>> found = keyed_->answer();
  if (!found && is_cancel(route)) return route.handler(call_);
  RESTORED_TRY(std::optional<Response> answered, std::move(found));
  if (answered) {
    replayed_ = true;
    return std::move(*answered);
  }
  call_.intent = keyed_->intent();
  return route.handler(call_);
}

// RFC 7240, 4.1. A replay has the form that the first answer had.
Response Exchange::preferred(Response response) const {
  const bool goes_on = !response.error && !response.wait && !response.done && !replayed_;
  if (!changes_ || !goes_on || !wants_async(request_.prefer)) return response;
  const std::string* location = response.header(operation_location);
  if (location == nullptr) return response;
  response.status = 202;
  response.with("Location", std::string(*location));
  if (std::string* applied = response.header(preference_applied)) {
    *applied += fmt::format(", {}", async_applied);
    return response;
  }
  return response.with(preference_applied, async_applied);
}

Reach Exchange::reach() const {
  const Reach reach = found_.route == nullptr ? Reach::memory : found_.route->reach;
  return changes_ ? std::max(reach, Reach::disk) : reach;
}

Response Exchange::recorded(Response response, bool whole) {
  if (response.error == ErrorCode::audit_not_written) return response;
  std::optional<std::uint64_t> unrecorded = 0;
  if (!let_in_) {
    unrecorded = call_.site.refusals.take();
    if (!unrecorded) return response;
  }
  AuditEntry entry = audit_entry(call_, response);
  entry.sequence = sequence_;
  entry.at = std::min(begun_at_, entry.ended_at);
  entry.replayed = replayed_;
  entry.changed_nothing = !let_in_ || replayed_ || (!response.wait && was_refused(response));
  entry.unrecorded = *unrecorded;
  const RequestClaim* claim = nullptr;
  std::string sealed;
  if (response.wait) {
    entry.status = 0;
    entry.ended_at = 0;
    entry.code.clear();
  } else if (keyed_ && keyed_->claim().held() && whole && is_final(response)) {
    claim = &keyed_->claim();
    sealed = keyed_->sealed(response);
    kill_point("control.request.before-answer");
  }
  const Result<void> written = call_.engine().requests().record(std::move(entry), claim, sealed);
  if (written) {
    if (claim != nullptr) kill_point("control.request.after-answer");
    return response;
  }
  if (!let_in_) call_.site.refusals.give_back(*unrecorded + 1);
  log::error("control", "request={} method={} path={} status={} is not in the audit: {}",
             request_.id, request_.method, printable(request_.path, 256), response.status,
             written.error().message);
  if (!let_in_) return response;  // nothing was done
  return error_answer(Error{ErrorCode::audit_not_written,
                            fmt::format("the audit cannot be written ({}); the answer would be {}",
                                        written.error().message, response.status),
                            {}},
                      call_);
}

// What was answered, on record as what it is.
Response Exchange::ended(Response response, bool whole) {
  if (changes_) response = guarded(call_, [&] { return recorded(std::move(response), whole); });
  response.principal = call_.principal;
  return response;
}

Response Exchange::refuse(const Error& refusal) {
  return ended(error_answer(refusal, call_), true);
}

Response Exchange::answer() {
  return ended(guarded(call_,
                       [&] {
                         Result<Response> handled = handle();
                         return handled ? preferred(std::move(*handled))
                                        : error_answer(handled.error(), call_);
                       }),
               true);
}

Response Exchange::unwaited(Response response) {
  response.wait.reset();
  return ended(preferred(std::move(response)), false);
}

Response Exchange::finish(const Wait& wait, std::stop_token stop) {
  Response response = guarded(call_, [&] { return preferred(wait.finish(stop)); });
  // Of a wait that was cut short nothing is kept: who asks again goes on waiting.
  return ended(std::move(response), !stop.stop_requested());
}

}  // namespace restored::control
