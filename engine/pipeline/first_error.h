// The first thing that went wrong in a run: it wins, and it stops everything else, whose own
// "cancelled" is then only an echo.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "base/mutex.h"
#include "restored/error.h"

namespace restored::pipeline {

class FirstError {
 public:
  // A stop of `outer` counts as the error `cancelled`.
  explicit FirstError(std::stop_token outer);
  FirstError(const FirstError&) = delete;
  FirstError& operator=(const FirstError&) = delete;

  void record(Error error);
  std::stop_token token() const { return source_.get_token(); }
  bool stopped() const { return source_.stop_requested(); }
  Result<void> result() const;

 private:
  mutable Mutex mutex_;
  std::optional<Error> error_ GUARDED_BY(mutex_);
  std::stop_source source_;
  // Last: it may call record() from its own constructor.
  std::stop_callback<std::function<void()>> outer_stopped_;
};

}  // namespace restored::pipeline
