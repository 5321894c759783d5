// A store that counts what it passes on and fails on demand.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "restored/object_store.h"

namespace restored::test {

// Threading: all methods may be called from any thread at once; `calls` is looked at, and `before`
// is set, while nothing runs.
class CountingStore final : public ObjectStore {
 public:
  explicit CountingStore(ObjectStore& inner) : inner_(inner) {}

  // "verb key", in order.
  std::vector<std::string> calls;
  // Asked before each call; an error is the call's answer.
  std::function<Result<void>(std::string_view verb, std::string_view key)> before;
  // Asked before each removal, as `before` is.
  std::function<Result<void>(std::string_view key, const StoreCall& call)> before_remove;
  // May change what a get() answers.
  std::function<void(std::string_view key, std::string& bytes)> after_get;

  // False: as a server that does not know conditions, which replaces what it was asked to keep.
  bool conditions = true;

  std::size_t count(std::string_view verb) const {
    std::size_t found = 0;
    for (const std::string& call : calls) found += call.starts_with(std::string(verb) + " ");
    return found;
  }

  std::string url() const override { return inner_.url(); }
  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override {
    RESTORED_TRY(note("stat", key));
    return inner_.stat(key, call);
  }
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override {
    RESTORED_TRY(note("read", key));
    return inner_.read(key, offset, into, call);
  }
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override {
    RESTORED_TRY(note("get", key));
    auto bytes = inner_.get(key, bytes_max, call);
    if (bytes && after_get) after_get(key, *bytes);
    return bytes;
  }
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override {
    RESTORED_TRY(note("put", key));
    return inner_.put(key, bytes, call);
  }
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override {
    RESTORED_TRY(note("upload", key));
    return inner_.upload(key, call, conditions ? if_exists : IfExists::replace);
  }
  Result<void> remove(std::string_view key, const StoreCall& call) override {
    RESTORED_TRY(note("remove", key));
    if (before_remove) RESTORED_TRY(before_remove(key, call));
    return inner_.remove(key, call);
  }
  Result<void> settle(std::span<const std::string> keys, const StoreCall& call) override {
    RESTORED_TRY(note("settle", keys.empty() ? "" : keys.front()));
    return inner_.settle(keys, call);
  }
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override {
    RESTORED_TRY(note("remove_stale_uploads", ""));
    return inner_.remove_stale_uploads(age_seconds, call);
  }
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override {
    RESTORED_TRY(note("list", prefix));
    return inner_.list(prefix, visit, call);
  }

 private:
  Result<void> note(std::string_view verb, std::string_view key) {
    {
      const std::lock_guard lock(mutex_);
      calls.push_back(std::string(verb) + " " + std::string(key));
    }
    return before ? before(verb, key) : Result<void>();
  }

  ObjectStore& inner_;
  std::mutex mutex_;
};

}  // namespace restored::test
