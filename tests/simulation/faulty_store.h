// A repository behind a bad network: what an object store does to its clients, decided by the
// simulation's random numbers. Attempts are tried again by the product's own retry loop.
#pragma once

#include <cstdint>
#include <memory>

#include "restored/object_store.h"

namespace restored::simulation {

// Shares are of 1024 attempts.
struct StoreFaults {
  std::uint32_t refused = 0;      // 503, with or without Retry-After
  std::uint32_t answer_lost = 0;  // it was done, and the client does not know
  std::uint32_t slow = 0;         // seconds instead of milliseconds
  std::uint32_t hung = 0;         // half a minute
  std::uint32_t flipped = 0;      // of reads: a bit is another one on the way
  std::uint32_t cut_short = 0;    // of reads: the object seems to be shorter
  std::uint32_t gone = 0;         // of attempts: the store is away for a minute
};

class FaultyStore final : public ObjectStore {
 public:
  FaultyStore(std::unique_ptr<ObjectStore> inner, const StoreFaults& faults);
  ~FaultyStore() override;

  std::string url() const override { return inner_->url(); }
  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override;
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override;
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override;
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override;
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override;
  Result<void> remove(std::string_view key, const StoreCall& call) override;
  Result<void> settle(std::span<const std::string> keys, const StoreCall& call) override {
    return inner_->settle(keys, call);
  }
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override;
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override;

 private:
  friend class FaultyUpload;
  template <class F>
  auto attempt(const StoreCall& call, F&& work) -> decltype(work());
  void spoil(std::span<std::byte> bytes);

  const std::unique_ptr<ObjectStore> inner_;
  const StoreFaults& faults_;
  std::int64_t away_until_ = 0;
};

}  // namespace restored::simulation
