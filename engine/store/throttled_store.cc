#include "store/throttled_store.h"

#include "base/wait_board.h"
#include "restored/units.h"

namespace restored::store {
namespace {

// What is as small as this is a document that somebody waits for, or that must not come late.
constexpr std::uint64_t unqueued_bytes = 64 * kKiB;

// The operation's first: who waits for its own limit takes nothing from the others.
Result<void> take(std::uint64_t bytes, Bandwidth& agent, const StoreCall& call) {
  if (call.patience || bytes <= unqueued_bytes) {
    if (call.bandwidth != nullptr) call.bandwidth->charge(bytes);
    agent.charge(bytes);
    return {};
  }
  if (call.bandwidth != nullptr) {
    const auto waiting = WaitBoard::post(call.waits, "the operation's bandwidth limit");
    RESTORED_TRY(call.bandwidth->take(bytes, call.stop));
  }
  const auto waiting = WaitBoard::post(call.waits, "the agent's bandwidth limit");
  return agent.take(bytes, call.stop);
}

class ThrottledUpload final : public ObjectUpload {
 public:
  ThrottledUpload(std::unique_ptr<ObjectUpload> inner, Bandwidth& agent, const StoreCall& call)
      : inner_(std::move(inner)), agent_(agent), call_(call) {}

  Result<void> append(std::span<const std::byte> bytes) override {
    RESTORED_TRY(take(bytes.size(), agent_, call_));
    return inner_->append(bytes);
  }
  Result<void> commit(std::span<const std::byte> last) override {
    RESTORED_TRY(take(last.size(), agent_, call_));
    return inner_->commit(last);
  }
  void abandon() noexcept override { inner_->abandon(); }

 private:
  const std::unique_ptr<ObjectUpload> inner_;
  Bandwidth& agent_;
  const StoreCall call_;
};

}  // namespace

Result<void> ThrottledStore::read(std::string_view key, std::uint64_t offset,
                                  std::span<std::byte> into, const StoreCall& call) {
  RESTORED_TRY(take(into.size(), agent_, call));
  return inner_->read(key, offset, into, call);
}

Result<std::string> ThrottledStore::get(std::string_view key, std::uint64_t bytes_max,
                                        const StoreCall& call) {
  RESTORED_TRY(std::string bytes, inner_->get(key, bytes_max, call));
  // How many there are is known only now; the next one waits for them.
  RESTORED_TRY(take(bytes.size(), agent_, call));
  return bytes;
}

Result<void> ThrottledStore::put(std::string_view key, std::span<const std::byte> bytes,
                                 const StoreCall& call) {
  RESTORED_TRY(take(bytes.size(), agent_, call));
  return inner_->put(key, bytes, call);
}

Result<std::unique_ptr<ObjectUpload>> ThrottledStore::upload(std::string_view key,
                                                             const StoreCall& call,
                                                             IfExists if_exists) {
  RESTORED_TRY(auto inner, inner_->upload(key, call, if_exists));
  return std::make_unique<ThrottledUpload>(std::move(inner), agent_, call);
}

}  // namespace restored::store
