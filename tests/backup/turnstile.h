// Two hosts on one repository, one store call at a time, in an order that the test chooses: each
// call of a host waits at the turnstile for its turn. So every interleaving can be written down:
//
//   Turnstile turnstile({{0, 3}, {1, 2}});   // three calls of host 0, two of host 1, then in turns
//   TurnstileStore first(store, turnstile, 0), second(store, turnstile, 1);
//   ... each host on a thread of its own, turnstile.end(n) at its end ...
// A host may be killed at a call: from there on none of its calls reaches the store.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "restored/object_store.h"

namespace restored::test {

struct Turns {
  std::size_t host = 0;
  std::size_t calls = 0;
};

class Turnstile {
 public:
  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

  explicit Turnstile(std::vector<Turns> schedule) : schedule_(std::move(schedule)) {}

  // Before the hosts begin.
  void kill(std::size_t host, std::size_t at_call) { killed_at_[host] = at_call; }

  // False: the host is dead.
  bool pass(std::size_t host, std::string call) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_[1 - host] || turn() == host; });
    if (counts_[host] >= killed_at_[host]) return false;
    ++counts_[host];
    log.emplace_back(host, std::move(call));
    take(host);
    changed_.notify_all();
    return true;
  }
  void end(std::size_t host) {
    const std::lock_guard lock(mutex_);
    ended_[host] = true;
    changed_.notify_all();
  }

  // After the hosts have ended.
  std::size_t count(std::size_t host) const { return counts_[host]; }
  std::vector<std::pair<std::size_t, std::string>> log;

 private:
  // Whose call is next.
  std::size_t turn() {
    while (at_ < schedule_.size() && (schedule_[at_].calls == 0 || ended_[schedule_[at_].host])) {
      ++at_;
    }
    return at_ < schedule_.size() ? schedule_[at_].host : alternating_;
  }
  void take(std::size_t host) {
    if (at_ < schedule_.size() && schedule_[at_].host == host)
      --schedule_[at_].calls;
    else
      alternating_ = 1 - host;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Turns> schedule_;
  std::size_t at_ = 0;
  std::size_t alternating_ = 0;  // whose turn it is after the schedule
  std::array<std::size_t, 2> counts_{};
  std::array<std::size_t, 2> killed_at_{never, never};
  std::array<bool, 2> ended_{};
};

// One call at a time: reads_max() is 1.
class TurnstileStore final : public ObjectStore {
 public:
  TurnstileStore(ObjectStore& inner, Turnstile& turnstile, std::size_t host)
      : inner_(inner), turnstile_(turnstile), host_(host) {}

  std::string url() const override { return inner_.url(); }
  unsigned reads_max() const override { return 1; }
  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override {
    RESTORED_TRY(pass("stat", key));
    return inner_.stat(key, call);
  }
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override {
    RESTORED_TRY(pass("read", key));
    return inner_.read(key, offset, into, call);
  }
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override {
    RESTORED_TRY(pass("get", key));
    return inner_.get(key, bytes_max, call);
  }
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override {
    RESTORED_TRY(pass("put", key));
    return inner_.put(key, bytes, call);
  }
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override {
    RESTORED_TRY(pass("upload", key));
    return inner_.upload(key, call, if_exists);
  }
  Result<void> remove(std::string_view key, const StoreCall& call) override {
    RESTORED_TRY(pass("remove", key));
    return inner_.remove(key, call);
  }
  Result<void> settle(std::span<const std::string> keys, const StoreCall& call) override {
    RESTORED_TRY(pass("settle", ""));
    return inner_.settle(keys, call);
  }
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override {
    RESTORED_TRY(pass("remove_stale_uploads", ""));
    return inner_.remove_stale_uploads(age_seconds, call);
  }
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override {
    RESTORED_TRY(pass("list", prefix));
    return inner_.list(prefix, visit, call);
  }

 private:
  Result<void> pass(std::string_view verb, std::string_view key) {
    if (turnstile_.pass(host_, std::string(verb) + " " + std::string(key))) return {};
    return fail(ErrorCode::object_store_unavailable, "this host was killed");
  }

  ObjectStore& inner_;
  Turnstile& turnstile_;
  const std::size_t host_;
};

}  // namespace restored::test
