#include "backup/delayed_stop.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace restored::backup {
namespace {

void wait(std::stop_source source, const std::stop_token& outer, const std::stop_token& destroyed,
          std::chrono::milliseconds delay) {
  std::mutex mutex;
  std::condition_variable_any changed;
  const auto wake = [&] {
    const std::lock_guard lock(mutex);
    changed.notify_all();
  };
  const std::stop_callback on_outer(outer, wake);
  std::unique_lock lock(mutex);
  if (!changed.wait(lock, destroyed, [&] { return outer.stop_requested(); })) return;
  changed.wait_for(lock, destroyed, delay, [] { return false; });
  if (!destroyed.stop_requested()) source.request_stop();
}

}  // namespace

DelayedStop::DelayedStop(std::stop_token outer, std::chrono::milliseconds delay)
    : thread_([source = source_, outer = std::move(outer), delay](
                  const std::stop_token& destroyed) { wait(source, outer, destroyed, delay); }) {}

}  // namespace restored::backup
