// A repository in which some objects are not what they were; nothing below it changes.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "restored/object_store.h"

namespace restored::corruption_test {

// Threading: set() from one thread, while nothing is read.
class Changes {
 public:
  // Nothing: the object is missing.
  void set(const std::string& key, std::optional<std::string> bytes) {
    const std::lock_guard lock(mutex_);
    changed_[key] = std::move(bytes);
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    changed_.clear();
  }
  // Whether the object is changed; then `bytes` gets what stands in its place.
  bool find(std::string_view key, std::optional<std::string>& bytes) const {
    const std::lock_guard lock(mutex_);
    const auto found = changed_.find(key);
    if (found == changed_.end()) return false;
    bytes = found->second;
    return true;
  }
  std::function<std::unique_ptr<ObjectStore>(std::unique_ptr<ObjectStore>)> wrap();

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::optional<std::string>, std::less<>> changed_;
};

class ChangedStore final : public ObjectStore {
 public:
  ChangedStore(std::unique_ptr<ObjectStore> inner, const Changes& changes)
      : inner_(std::move(inner)), changes_(changes) {}

  std::string url() const override { return inner_->url(); }
  unsigned reads_max() const override { return inner_->reads_max(); }
  unsigned writes_max() const override { return inner_->writes_max(); }
  Result<ReadTurn> read_turn(const StoreCall& call) override { return inner_->read_turn(call); }

  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override {
    std::optional<std::string> bytes;
    if (!changes_.find(key, bytes)) return inner_->stat(key, call);
    if (!bytes) return missing(key);
    return ObjectInfo{std::string(key), bytes->size(), 1};
  }
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override {
    std::optional<std::string> bytes;
    if (!changes_.find(key, bytes)) return inner_->read(key, offset, into, call);
    if (!bytes) return std::unexpected(missing(key).error());
    if (offset > bytes->size() || into.size() > bytes->size() - offset)
      return fail(ErrorCode::corruption, std::string(key) + " ends before that");
    std::memcpy(into.data(), bytes->data() + offset, into.size());
    return {};
  }
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override {
    std::optional<std::string> bytes;
    if (!changes_.find(key, bytes)) return inner_->get(key, bytes_max, call);
    if (!bytes) return std::unexpected(missing(key).error());
    if (bytes->size() > bytes_max)
      return fail(ErrorCode::corruption, std::string(key) + " is too large");
    return *bytes;
  }
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override {
    return inner_->put(key, bytes, call);
  }
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override {
    return inner_->upload(key, call, if_exists);
  }
  Result<void> remove(std::string_view key, const StoreCall& call) override {
    return inner_->remove(key, call);
  }
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override {
    return inner_->remove_stale_uploads(age_seconds, call);
  }
  Result<void> settle(std::span<const std::string> keys, const StoreCall& call) override {
    return inner_->settle(keys, call);
  }
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override {
    return inner_->list(prefix, visit, call);
  }

 private:
  static Result<ObjectInfo> missing(std::string_view key) {
    return fail(ErrorCode::object_not_found, "there is no " + std::string(key));
  }

  const std::unique_ptr<ObjectStore> inner_;
  const Changes& changes_;
};

inline std::function<std::unique_ptr<ObjectStore>(std::unique_ptr<ObjectStore>)> Changes::wrap() {
  return [this](std::unique_ptr<ObjectStore> inner) {
    return std::make_unique<ChangedStore>(std::move(inner), *this);
  };
}

}  // namespace restored::corruption_test
