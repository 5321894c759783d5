// A store around another one that a test bends: calls that fail, bytes that change, times that are
// off, objects that are in no list.
// Threading: as ObjectStore; the members are set while nothing runs.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "restored/object_store.h"

namespace restored::store {

class BentStore final : public ObjectStore {
 public:
  explicit BentStore(std::unique_ptr<ObjectStore> inner) : inner_(std::move(inner)) {}

  // An error is the call's answer.
  std::function<Result<void>(std::string_view call, std::string_view key)> before;
  std::function<void(std::string_view key, std::span<std::byte>)> change_read;
  std::function<void(ObjectInfo&)> change_info;
  bool hide_from_lists = false;
  bool keep_removed = false;  // a removal is accepted and not done
  unsigned reads = 4;
  std::atomic<unsigned> turns = 0;

  std::string url() const override { return inner_->url(); }
  unsigned reads_max() const override { return reads; }
  unsigned writes_max() const override { return 2; }
  Result<ReadTurn> read_turn(const StoreCall& call) override {
    ++turns;
    return inner_->read_turn(call);
  }
  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override {
    RESTORED_TRY(ask("stat", key));
    RESTORED_TRY(ObjectInfo info, inner_->stat(key, call));
    if (change_info) change_info(info);
    return info;
  }
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override {
    RESTORED_TRY(ask("read", key));
    RESTORED_TRY(inner_->read(key, offset, into, call));
    if (change_read) change_read(key, into);
    return {};
  }
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override {
    RESTORED_TRY(ask("get", key));
    RESTORED_TRY(std::string text, inner_->get(key, bytes_max, call));
    if (change_read) change_read(key, std::as_writable_bytes(std::span(text)));
    return text;
  }
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override {
    RESTORED_TRY(ask("put", key));
    return inner_->put(key, bytes, call);
  }
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override {
    RESTORED_TRY(ask("upload", key));
    return inner_->upload(key, call, if_exists);
  }
  Result<void> remove(std::string_view key, const StoreCall& call) override {
    RESTORED_TRY(ask("remove", key));
    return keep_removed ? Result<void>() : inner_->remove(key, call);
  }
  Result<void> settle(std::span<const std::string> keys, const StoreCall& call) override {
    RESTORED_TRY(ask("settle", ""));
    return inner_->settle(keys, call);
  }
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override {
    RESTORED_TRY(ask("remove_stale_uploads", ""));
    return inner_->remove_stale_uploads(age_seconds, call);
  }
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override {
    RESTORED_TRY(ask("list", prefix));
    return hide_from_lists ? Result<void>() : inner_->list(prefix, visit, call);
  }

 private:
  Result<void> ask(std::string_view call, std::string_view key) const {
    return before ? before(call, key) : Result<void>();
  }

  const std::unique_ptr<ObjectStore> inner_;
};

}  // namespace restored::store
