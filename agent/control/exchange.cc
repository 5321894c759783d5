#include "control/exchange.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/secret_text.h"
#include "control/answers.h"
#include "control/authentication.h"

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

}  // namespace

Exchange::Exchange(Site& site, Request request)
    : request_(std::move(request)),
      found_(match(routes(), request_.method, request_.path)),
      call_{.site = site, .request = request_, .surface = surface_of(request_.path)} {}

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
  if (route.any_of != 0) {
    const WipeAtEnd wiped(request_.authorization);  // nobody asks for it again
    RESTORED_TRY(authenticate(call_, route.any_of));
  }
  return route.handler(call_);
}

Reach Exchange::reach() const {
  return found_.route == nullptr ? Reach::memory : found_.route->reach;
}

Response Exchange::answer() {
  Response response = guarded(call_, [&] {
    Result<Response> handled = handle();
    return handled ? std::move(*handled) : error_answer(handled.error(), call_);
  });
  response.principal = call_.principal;
  return response;
}

Response Exchange::finish(const Wait& wait, std::stop_token stop) {
  Response response = guarded(call_, [&] { return wait.finish(std::move(stop)); });
  response.principal = call_.principal;
  return response;
}

}  // namespace restored::control
