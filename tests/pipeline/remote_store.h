// The fixture's store as if it were across a network: it takes its time, hands out turns, has
// versions, damages what it sends, and hangs, as a test says.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "restored/object_store.h"
#include "store/adaptive_limit.h"

namespace restored::pipeline::test {

// Waits for that long, or until the call is stopped: cancelled then.
Result<void> pause(std::chrono::milliseconds time, const StoreCall& call);
// Until the call is stopped.
Result<void> hang(const StoreCall& call);

// Threading: as any store; the public members are set while nothing runs.
class RemoteStore final : public ObjectStore {
 public:
  RemoteStore(ObjectStore& inner, unsigned turns);

  unsigned reads = 32;
  unsigned writes = 8;
  std::chrono::milliseconds latency{0};
  // Asked before each call, on its thread; an error is its answer. Verbs: stat, read, upload,
  // append, commit.
  std::function<Result<void>(std::string_view verb, std::string_view key, const StoreCall& call)>
      before;
  // May change what was read.
  std::function<void(std::string_view key, std::uint64_t offset, std::span<std::byte> bytes)> sent;

  struct Read {
    std::string key;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  struct Pieces {
    std::vector<std::uint64_t> appended;  // lengths
    std::uint64_t last = 0;
    bool committed = false;
    bool abandoned = false;
  };
  std::vector<Read> reads_made() const;
  std::map<std::string, Pieces> uploads_made() const;
  unsigned most_reads_at_once() const { return most_reads_; }
  unsigned most_uploads_at_once() const { return most_uploads_; }
  store::AdaptiveLimit& turns() { return turns_; }
  // From now on the object is another one.
  void change_version(const std::string& key);

  std::string url() const override { return "remote:" + inner_.url(); }
  unsigned reads_max() const override { return reads; }
  unsigned writes_max() const override { return writes; }
  Result<ReadTurn> read_turn(const StoreCall& call) override { return turns_.take(call.stop); }
  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override;
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override;
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override {
    return inner_.get(key, bytes_max, call);
  }
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override {
    return inner_.put(key, bytes, call);
  }
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override;
  Result<void> remove(std::string_view key, const StoreCall& call) override {
    return inner_.remove(key, call);
  }
  Result<void> settle(std::span<const std::string> keys, const StoreCall& call) override {
    return inner_.settle(keys, call);
  }
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override {
    return inner_.remove_stale_uploads(age_seconds, call);
  }
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override {
    return inner_.list(prefix, visit, call);
  }

 private:
  class Upload;
  Result<void> begin(std::string_view verb, std::string_view key, const StoreCall& call);
  Result<void> note_version(std::string_view key, const StoreCall& call);
  void change_pieces(const std::string& key, const std::function<void(Pieces&)>& change);

  ObjectStore& inner_;
  store::AdaptiveLimit turns_;
  std::atomic<unsigned> reads_under_way_{0};
  std::atomic<unsigned> most_reads_{0};
  std::atomic<unsigned> uploads_under_way_{0};
  std::atomic<unsigned> most_uploads_{0};
  mutable std::mutex mutex_;
  std::vector<Read> reads_made_;
  std::map<std::string, Pieces> uploads_made_;
  std::map<std::string, unsigned, std::less<>> versions_;
};

}  // namespace restored::pipeline::test
