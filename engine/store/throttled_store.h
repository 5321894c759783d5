// A store whose bytes are counted against the agent's bandwidth limit and the calling operation's:
// taken before they are asked for, so that an answer that has begun is read at full speed.
// Threading: see ObjectStore.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/bandwidth.h"
#include "restored/object_store.h"

namespace restored::store {

class ThrottledStore final : public ObjectStore {
 public:
  // `agent` outlives the store.
  ThrottledStore(std::unique_ptr<ObjectStore> inner, Bandwidth& agent)
      : inner_(std::move(inner)), agent_(agent) {}

  std::string url() const override { return inner_->url(); }
  unsigned reads_max() const override { return inner_->reads_max(); }
  unsigned writes_max() const override { return inner_->writes_max(); }
  Result<ReadTurn> read_turn(const StoreCall& call) override { return inner_->read_turn(call); }
  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override {
    return inner_->stat(key, call);
  }
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override;
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override;
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override;
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override;
  Result<void> remove(std::string_view key, const StoreCall& call) override {
    return inner_->remove(key, call);
  }
  Result<void> settle(std::span<const std::string> keys, const StoreCall& call) override {
    return inner_->settle(keys, call);
  }
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override {
    return inner_->remove_stale_uploads(age_seconds, call);
  }
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override {
    return inner_->list(prefix, visit, call);
  }

 private:
  const std::unique_ptr<ObjectStore> inner_;
  Bandwidth& agent_;
};

}  // namespace restored::store
