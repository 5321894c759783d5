#include "backup/rekey.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <stop_token>
#include <string_view>
#include <utility>

#include "backup/collection_lease.h"
#include "backup/documents.h"
#include "base/log.h"
#include "format/sealed.h"

namespace restored::backup {
namespace {

// By data key: the keys that wrap it.
using Wrapped = std::map<std::string, std::set<std::string>>;

class Run {
 public:
  Run(const Repository& repository, const RekeyRequest& request, CollectionLease& lease,
      const StoreCall& call)
      : repository_(repository),
        store_(repository.store()),
        keys_(repository.keys()),
        request_(request),
        lease_(lease),
        call_(call) {}

  Result<RekeyReport> work() {
    report_.key = keys_.wrapping_keys().front().id();
    RESTORED_TRY(find());
    // All are wrapped before the first one loses what it had.
    for (const auto& [data_key, by] : wrapped_) RESTORED_TRY(wrap(data_key, by));
    for (const auto& [data_key, by] : wrapped_) RESTORED_TRY(remove_previous(data_key, by));
    return report_;
  }

  // A removal may still come to pass in the store.
  bool in_doubt() const { return in_doubt_; }

 private:
  Result<void> find() {
    RESTORED_TRY(find_below(std::string(format::keys_prefix)));
    RESTORED_TRY(find_below(format::spare_key(format::keys_prefix)));
    // Also when somebody has removed what held it: this agent still has it.
    if (repository_.data_key() != nullptr) wrapped_[repository_.data_key()->id()];
    report_.data_keys = wrapped_.size();
    return {};
  }

  Result<void> find_below(const std::string& prefix) {
    const auto visit = [&](const ObjectInfo& info) {
      const std::string_view rest = std::string_view(info.key).substr(prefix.size());
      const std::size_t slash = rest.find('/');
      if (slash == std::string_view::npos) return true;
      const std::string_view data_key = rest.substr(0, slash);
      const std::string_view by = rest.substr(slash + 1);
      if (format::valid_key_id(data_key) && format::valid_key_id(by))
        wrapped_[std::string(data_key)].insert(std::string(by));
      return true;
    };
    return store_.list(prefix, visit, call_);
  }

  Result<void> wrap(const std::string& data_key, const std::set<std::string>& by) {
    const format::WrappingKey& ours = keys_.wrapping_keys().front();
    const auto found = keys_.find(store_, data_key, call_);
    if (!found && found.error().code == ErrorCode::encryption_key_unknown) {
      ++report_.unopened;
      unopened_.insert(data_key);
      return {};
    }
    RESTORED_TRY(found);
    for (const format::WrappingKey& key : keys_.wrapping_keys()) {
      const bool first = &key == &ours;
      // Others get what they had, when they are to keep it.
      if (!first && (!request_.keep_previous || !by.contains(key.id()))) continue;
      RESTORED_TRY(wrap_with(key, **found, by.contains(key.id())));
    }
    return {};
  }

  Result<void> wrap_with(const format::WrappingKey& key, const format::DataKey& data_key,
                         bool found) {
    if (found) {
      const auto there = check_wrapped(store_, key, data_key.id(), call_);
      if (there || !missing_or_damaged(there.error())) return there;
    }
    RESTORED_TRY(store_wrapped(store_, key, data_key, call_));
    ++report_.wrapped;
    return {};
  }

  Result<void> remove_previous(const std::string& data_key, const std::set<std::string>& by) {
    const auto keys = keys_.wrapping_keys();
    for (const std::string& id : by) {
      const auto known = std::ranges::find(keys, id, &format::WrappingKey::id);
      if (known == keys.begin()) continue;
      if (known == keys.end()) {
        ++report_.foreign;
        continue;
      }
      if (request_.keep_previous || unopened_.contains(data_key)) continue;
      RESTORED_TRY(remove_wrapping(data_key, id));
      ++report_.removed;
    }
    return {};
  }

  // What is removed late, when the mark is gone or stale, could be what another host's rekey relies
  // on: so it is asked for once, and not after the mark has lapsed.
  Result<void> remove_wrapping(const std::string& data_key, const std::string& by) {
    const format::WrappingKey& ours = keys_.wrapping_keys().front();
    // Durable too, where a rekey that was killed has written it.
    const std::string wrapped = format::wrapped_key_key(data_key, ours.id());
    RESTORED_TRY(store_.settle(std::array{wrapped, format::spare_key(wrapped)}, call_));
    RESTORED_TRY(check_wrapped(store_, ours, data_key, call_));
    if (lease_.lapsed()) return fail(ErrorCode::timed_out, "the mark could not be renewed in time");
    std::stop_source end;
    const auto stop = [&end] { end.request_stop(); };
    const std::stop_callback on_stop(call_.stop, stop);
    const std::stop_callback on_lapse(lease_.stop_token(), stop);
    StoreCall own = call_;
    own.stop = end.get_token();
    own.only_once = true;
    // The second copy first: what is left when it is cut off is found where it is looked for.
    const std::string key = format::wrapped_key_key(data_key, by);
    for (const std::string& copy : {format::spare_key(key), key}) {
      const Result<void> removed = store_.remove(copy, own);
      if (!removed && !CollectionLease::refused(removed.error())) in_doubt_ = true;
      RESTORED_TRY(removed);
    }
    return {};
  }

  const Repository& repository_;
  ObjectStore& store_;
  const KeyRing& keys_;
  const RekeyRequest& request_;
  CollectionLease& lease_;
  const StoreCall& call_;
  Wrapped wrapped_;
  std::set<std::string> unopened_;
  RekeyReport report_;
  bool in_doubt_ = false;
};

}  // namespace

Result<RekeyReport> rekey(const Repository& repository, const RekeyRequest& request,
                          const StoreCall& call) {
  if (!repository.keys().encrypts())
    return fail(ErrorCode::encryption_key_missing, "this agent has no key to wrap data keys with");
  // Two hosts that go from one key to the other in opposite directions would leave nothing.
  RESTORED_TRY(const auto lease,
               CollectionLease::take(repository.store(), request.host, request.times, call));
  Run run(repository, request, *lease, call);
  const Result<RekeyReport> done = run.work();
  if (run.in_doubt()) {
    log::warning("backup", "a removal may still come to pass: the mark stays until it is stale");
  } else if (const Result<void> released = lease->release(call); !released)
    log::warning("backup", "the mark stays until it is stale: {}", released.error().message);
  RESTORED_TRY(done);
  return *done;
}

}  // namespace restored::backup
