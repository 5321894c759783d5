#include "simulated_disk/plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace restored::test {

namespace {

constexpr Calls naming_calls{DiskCall::create, DiskCall::link, DiskCall::rename, DiskCall::remove,
                             DiskCall::make_directory};

}  // namespace

std::string_view name(DiskCall call) {
  constexpr std::array<std::string_view, disk_call_count> names = {
      "open",           "create", "read", "write",          "truncate", "allocate", "sync",
      "close",          "stat",   "list", "make_directory", "link",     "rename",   "remove",
      "sync_directory", "space",  "lock"};
  return names[static_cast<std::size_t>(call)];
}

void DiskPlan::fail(const CallFilter& filter, std::uint64_t nth, int error, double written_part) {
  const std::lock_guard lock(mutex_);
  rules_.push_back({filter, nth, false, error, written_part, 0});
}

void DiskPlan::fail_from(const CallFilter& filter, std::uint64_t nth, int error) {
  const std::lock_guard lock(mutex_);
  rules_.push_back({filter, nth, true, error, 0, 0});
}

std::size_t DiskPlan::begin_count(const CallFilter& filter) {
  const std::lock_guard lock(mutex_);
  rules_.push_back({filter, 0, false, 0, 0, 0});
  return rules_.size() - 1;
}

std::uint64_t DiskPlan::counted(std::size_t counter) const {
  const std::lock_guard lock(mutex_);
  return rules_.at(counter).seen;
}

void DiskPlan::ignore_syncs(SyncChoice ignored) {
  const std::lock_guard lock(mutex_);
  ignored_ = std::move(ignored);
}

void DiskPlan::before_each(std::function<void(DiskCall, const std::string&)> hook) {
  auto shared = hook ? std::make_shared<const std::function<void(DiskCall, const std::string&)>>(
                           std::move(hook))
                     : nullptr;
  const std::lock_guard lock(mutex_);
  hook_ = std::move(shared);
}

void DiskPlan::trace(bool on) {
  const std::lock_guard lock(mutex_);
  tracing_ = on;
  if (on) traced_.clear();
}

void DiskPlan::clear() {
  const std::lock_guard lock(mutex_);
  rules_.clear();
  ignored_ = nullptr;
  failures_ = 0;
}

std::vector<TracedCall> DiskPlan::traced() const {
  const std::lock_guard lock(mutex_);
  return traced_;
}

std::uint64_t DiskPlan::count(DiskCall call) const {
  const std::lock_guard lock(mutex_);
  return counts_[static_cast<std::size_t>(call)];
}

std::uint64_t DiskPlan::count() const {
  const std::lock_guard lock(mutex_);
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

std::uint64_t DiskPlan::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

TracedCall DiskPlan::last_failure() const {
  const std::lock_guard lock(mutex_);
  return last_failure_;
}

DiskPlan::Verdict DiskPlan::next(DiskCall call, const std::string& path) {
  std::unique_lock lock(mutex_);
  if (const auto hook = hook_) {
    lock.unlock();
    (*hook)(call, path);
    lock.lock();
  }
  ++counts_[static_cast<std::size_t>(call)];
  if (tracing_) traced_.push_back({call, path});
  Verdict verdict;
  for (Rule& rule : rules_) {
    if (!rule.filter.calls.holds(call) || path.find(rule.filter.path_part) == std::string::npos)
      continue;
    ++rule.seen;
    if (rule.nth == 0) continue;
    if (rule.from_there_on ? rule.seen < rule.nth : rule.seen != rule.nth) continue;
    verdict.error = rule.error;
    verdict.written_part = rule.written_part;
  }
  if (verdict.error != 0) {
    ++failures_;
    last_failure_ = {call, path};
    return verdict;
  }
  if (!ignored_) return verdict;
  if (naming_calls.holds(call)) {
    const std::size_t slash = std::min(path.rfind('/'), path.size());
    last_change_[path.substr(0, slash)] =
        std::string(name(call)) + " " + path.substr(std::min(slash + 1, path.size()));
  }
  if (call == DiskCall::sync) verdict.ignored = ignored_(call, path, "");
  if (call == DiskCall::sync_directory) verdict.ignored = ignored_(call, path, last_change_[path]);
  return verdict;
}

}  // namespace restored::test
