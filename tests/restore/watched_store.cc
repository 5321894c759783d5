#include "watched_store.h"

namespace restored::test {
namespace {

class WatchedStore final : public ObjectStore {
 public:
  WatchedStore(std::unique_ptr<ObjectStore> inner, StoreWatch& watch)
      : inner_(std::move(inner)), watch_(watch) {}

  std::string url() const override {
    if (watch_.before_url) watch_.before_url();
    return inner_->url();
  }
  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override {
    RESTORED_TRY(watch_.note("stat", key));
    return inner_->stat(key, call);
  }
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override {
    RESTORED_TRY(watch_.note("read", key));
    return inner_->read(key, offset, into, call);
  }
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override {
    RESTORED_TRY(watch_.note("get", key));
    return inner_->get(key, bytes_max, call);
  }
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override {
    RESTORED_TRY(watch_.note("put", key));
    return inner_->put(key, bytes, call);
  }
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override {
    RESTORED_TRY(watch_.note("upload", key));
    return inner_->upload(key, call, if_exists);
  }
  Result<void> remove(std::string_view key, const StoreCall& call) override {
    RESTORED_TRY(watch_.note("remove", key));
    return inner_->remove(key, call);
  }
  unsigned reads_max() const override { return inner_->reads_max(); }
  unsigned writes_max() const override { return inner_->writes_max(); }
  Result<ReadTurn> read_turn(const StoreCall& call) override { return inner_->read_turn(call); }
  Result<void> settle(std::span<const std::string> keys, const StoreCall& call) override {
    RESTORED_TRY(watch_.note("settle", ""));
    return inner_->settle(keys, call);
  }
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override {
    RESTORED_TRY(watch_.note("remove_stale_uploads", ""));
    return inner_->remove_stale_uploads(age_seconds, call);
  }
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override {
    RESTORED_TRY(watch_.note("list", prefix));
    return inner_->list(prefix, visit, call);
  }

 private:
  const std::unique_ptr<ObjectStore> inner_;
  StoreWatch& watch_;
};

}  // namespace

std::function<std::unique_ptr<ObjectStore>(std::unique_ptr<ObjectStore>)> StoreWatch::wrap() {
  return [this](std::unique_ptr<ObjectStore> inner) {
    return std::make_unique<WatchedStore>(std::move(inner), *this);
  };
}

void StoreWatch::clear() {
  const std::lock_guard lock(mutex_);
  counts_.clear();
  keys_.clear();
}

int StoreWatch::count(const std::string& call) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(call);
  return found == counts_.end() ? 0 : found->second;
}

std::set<std::string> StoreWatch::keys(const std::string& call) const {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(call);
  return found == keys_.end() ? std::set<std::string>() : found->second;
}

Result<void> StoreWatch::note(std::string_view call, std::string_view key) {
  {
    const std::lock_guard lock(mutex_);
    ++counts_[std::string(call)];
    keys_[std::string(call)].emplace(key);
  }
  return before ? before(call, key) : Result<void>();
}

}  // namespace restored::test
