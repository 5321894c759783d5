#include "faulty_store.h"

#include <algorithm>
#include <chrono>
#include <type_traits>
#include <utility>

#include "base/pause.h"
#include "kernel.h"
#include "ledger.h"
#include "store/retry_loop.h"

namespace restored::simulation {
namespace {

using std::chrono::milliseconds;
using store::Trouble;

const store::RetryPolicy policy{milliseconds(100), milliseconds(5'000), milliseconds(40'000)};

bool happens(std::uint32_t share) {
  if (share == 0 || random_below(1024) >= share) return false;
  ++Ledger::shared().store_troubles;
  return true;
}

Trouble refused(const char* why) {
  Trouble trouble;
  trouble.error = Error{ErrorCode::object_store_unavailable, why, "Try again later."};
  trouble.again = true;
  trouble.status = 503;
  if (random_below(2) == 0) trouble.retry_after = milliseconds(random_below(3'000));
  return trouble;
}

Trouble unanswered() {
  Trouble trouble = refused("the connection was cut before the answer");
  trouble.status = 0;
  trouble.retry_after.reset();
  return trouble;
}

// What the inner store says is for good.
template <class T>
store::Attempt<T> final_answer(Result<T> result) {
  if (result) return store::Attempt<T>(std::move(result).value());
  Trouble trouble;
  trouble.error = std::move(result).error();
  return std::unexpected(std::move(trouble));
}
template <>
store::Attempt<void> final_answer<void>(Result<void> result) {
  if (result) return {};
  Trouble trouble;
  trouble.error = std::move(result).error();
  return std::unexpected(std::move(trouble));
}

}  // namespace

// An upload is not tried again here: its user begins anew.
class FaultyUpload final : public ObjectUpload {
 public:
  FaultyUpload(std::unique_ptr<ObjectUpload> inner, FaultyStore& store, const StoreCall& call)
      : inner_(std::move(inner)), store_(store), call_(call) {}

  Result<void> append(std::span<const std::byte> bytes) override {
    return store_.attempt(call_, [&]() -> Result<void> { return inner_->append(bytes); });
  }
  Result<void> commit(std::span<const std::byte> last) override {
    if (!pause(milliseconds(random_below(3)), call_.stop))
      return fail(ErrorCode::cancelled, "stopped before the commit");
    RESTORED_TRY(inner_->commit(last));
    if (happens(store_.faults_.answer_lost)) {
      return fail(ErrorCode::object_store_unavailable, "the answer to a commit was lost",
                  "Try again later.");
    }
    return {};
  }
  void abandon() noexcept override { inner_->abandon(); }

 private:
  const std::unique_ptr<ObjectUpload> inner_;
  FaultyStore& store_;
  const StoreCall& call_;
};

FaultyStore::FaultyStore(std::unique_ptr<ObjectStore> inner, const StoreFaults& faults)
    : inner_(std::move(inner)), faults_(faults) {}
FaultyStore::~FaultyStore() = default;

template <class F>
auto FaultyStore::attempt(const StoreCall& call, F&& work) -> decltype(work()) {
  using T = typename decltype(work())::value_type;
  store::RetryLoop loop(policy, call, "the simulated object store");
  return loop.run([&]() -> store::Attempt<T> {
    milliseconds wait(random_below(4));
    if (happens(faults_.slow)) wait += milliseconds(random_below(4'000));
    if (happens(faults_.hung)) wait += milliseconds(30'000);
    if (happens(faults_.gone)) away_until_ = now_nanos() + std::int64_t{60} * 1'000'000'000;
    if (!pause(wait, call.stop)) {
      Trouble stopped;
      stopped.error = Error{ErrorCode::cancelled, "stopped", ""};
      return std::unexpected(std::move(stopped));
    }
    if (now_nanos() < away_until_) return std::unexpected(refused("nobody listens"));
    if (happens(faults_.refused)) return std::unexpected(refused("slow down"));
    store::Attempt<T> done = final_answer<T>(work());
    if (done && happens(faults_.answer_lost)) return std::unexpected(unanswered());
    return done;
  });
}

void FaultyStore::spoil(std::span<std::byte> bytes) {
  if (bytes.empty() || !happens(faults_.flipped)) return;
  const std::size_t place = random_below(bytes.size());
  bytes[place] ^= static_cast<std::byte>(1U << random_below(8));
}

Result<ObjectInfo> FaultyStore::stat(std::string_view key, const StoreCall& call) {
  return attempt(call, [&] { return inner_->stat(key, call); });
}

Result<void> FaultyStore::read(std::string_view key, std::uint64_t offset,
                               std::span<std::byte> into, const StoreCall& call) {
  RESTORED_TRY(attempt(call, [&]() -> Result<void> {
    if (happens(faults_.cut_short))
      return fail(ErrorCode::corruption, "the object ended early", "Look at the object store.");
    return inner_->read(key, offset, into, call);
  }));
  spoil(into);
  return {};
}

Result<std::string> FaultyStore::get(std::string_view key, std::uint64_t bytes_max,
                                     const StoreCall& call) {
  RESTORED_TRY(std::string text, attempt(call, [&] { return inner_->get(key, bytes_max, call); }));
  spoil(std::as_writable_bytes(std::span(text)));
  return text;
}

Result<void> FaultyStore::put(std::string_view key, std::span<const std::byte> bytes,
                              const StoreCall& call) {
  return attempt(call, [&] { return inner_->put(key, bytes, call); });
}

Result<std::unique_ptr<ObjectUpload>> FaultyStore::upload(std::string_view key,
                                                          const StoreCall& call,
                                                          IfExists if_exists) {
  RESTORED_TRY(std::unique_ptr<ObjectUpload> inner,
               attempt(call, [&] { return inner_->upload(key, call, if_exists); }));
  return std::make_unique<FaultyUpload>(std::move(inner), *this, call);
}

Result<void> FaultyStore::remove(std::string_view key, const StoreCall& call) {
  return attempt(call, [&] { return inner_->remove(key, call); });
}

Result<std::uint64_t> FaultyStore::remove_stale_uploads(std::uint64_t age_seconds,
                                                        const StoreCall& call) {
  return attempt(call, [&] { return inner_->remove_stale_uploads(age_seconds, call); });
}

Result<void> FaultyStore::list(std::string_view prefix,
                               const std::function<bool(const ObjectInfo&)>& visit,
                               const StoreCall& call) {
  // Pages were visited when one of them fails: only the first attempt of each may.
  RESTORED_TRY(attempt(call, [&]() -> Result<void> { return {}; }));
  return inner_->list(prefix, visit, call);
}

}  // namespace restored::simulation
