#include "pipeline/workers.h"

#include <fmt/core.h>

#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "base/thread_priority.h"

namespace restored::pipeline {
namespace {

Result<void> run(const char* name, const std::function<Result<void>()>& work) {
  try {
    return work();
  } catch (const std::exception& exception) {
    return fail(ErrorCode::internal, fmt::format("{} thread: {}", name, exception.what()));
  } catch (...) {
    return fail(ErrorCode::internal, fmt::format("{} thread: unknown exception", name));
  }
}

}  // namespace

void Workers::start(const char* name, unsigned count, const std::function<Result<void>()>& work) {
  for (unsigned started = 0; started < count; ++started) {
    try {
      threads_.emplace_back([this, name, work] {
        enter_background_thread(name);
        if (auto done = run(name, work); !done) first_error_.record(std::move(done).error());
      });
    } catch (const std::system_error& error) {
      first_error_.record(Error{
          ErrorCode::internal,
          fmt::format("starting {} thread {} of {}: {}", name, started + 1, count, error.what()),
          "Raise the limit on threads (TasksMax, ulimit -u)."});
      return;
    }
  }
}

void Workers::join() {
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace restored::pipeline
