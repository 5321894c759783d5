#include "remote_store.h"

#include <condition_variable>
#include <utility>

#include "base/object_versions.h"

namespace restored::pipeline::test {
namespace {

// Counts who is inside, and how many at most.
class Inside {
 public:
  Inside(std::atomic<unsigned>& now, std::atomic<unsigned>& most) : now_(now) {
    const unsigned inside = ++now_;
    for (unsigned seen = most; inside > seen && !most.compare_exchange_weak(seen, inside);) {
    }
  }
  ~Inside() { --now_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  std::atomic<unsigned>& now_;
};

}  // namespace

Result<void> pause(std::chrono::milliseconds time, const StoreCall& call) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, call.stop, time, [] { return false; });
  if (call.stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
  return {};
}

Result<void> hang(const StoreCall& call) {
  return pause(std::chrono::minutes(5), call);
}

// Keeps the call by reference, as the contract allows: it must outlive the upload.
class RemoteStore::Upload final : public ObjectUpload {
 public:
  Upload(RemoteStore& store, std::string key, std::unique_ptr<ObjectUpload> inner,
         const StoreCall& call)
      : store_(store),
        key_(std::move(key)),
        inner_(std::move(inner)),
        call_(call),
        inside_(store.uploads_under_way_, store.most_uploads_) {}

  Result<void> append(std::span<const std::byte> bytes) override {
    RESTORED_TRY(store_.begin("append", key_, call_));
    RESTORED_TRY(inner_->append(bytes));
    store_.change_pieces(key_, [&](Pieces& pieces) { pieces.appended.push_back(bytes.size()); });
    return {};
  }
  Result<void> commit(std::span<const std::byte> last) override {
    RESTORED_TRY(store_.begin("commit", key_, call_));
    RESTORED_TRY(inner_->commit(last));
    store_.change_pieces(key_, [&](Pieces& pieces) {
      pieces.last = last.size();
      pieces.committed = true;
    });
    return {};
  }
  void abandon() noexcept override {
    inner_->abandon();
    store_.change_pieces(key_, [](Pieces& pieces) { pieces.abandoned = true; });
  }

 private:
  RemoteStore& store_;
  const std::string key_;
  const std::unique_ptr<ObjectUpload> inner_;
  const StoreCall& call_;
  const Inside inside_;
};

RemoteStore::RemoteStore(ObjectStore& inner, unsigned turns)
    : inner_(inner), turns_(turns, turns) {}

std::vector<RemoteStore::Read> RemoteStore::reads_made() const {
  const std::scoped_lock lock(mutex_);
  return reads_made_;
}

std::map<std::string, RemoteStore::Pieces> RemoteStore::uploads_made() const {
  const std::scoped_lock lock(mutex_);
  return uploads_made_;
}

void RemoteStore::change_version(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  ++versions_[key];
}

void RemoteStore::change_pieces(const std::string& key,
                                const std::function<void(Pieces&)>& change) {
  const std::scoped_lock lock(mutex_);
  change(uploads_made_[key]);
}

Result<void> RemoteStore::begin(std::string_view verb, std::string_view key,
                                const StoreCall& call) {
  if (before) RESTORED_TRY(before(verb, key, call));
  return latency.count() > 0 ? pause(latency, call) : Result<void>();
}

Result<void> RemoteStore::note_version(std::string_view key, const StoreCall& call) {
  if (call.versions == nullptr) return fail(ErrorCode::internal, "a read without its versions");
  unsigned version = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = versions_.find(key); found != versions_.end()) version = found->second;
  }
  if (call.versions->note(key, std::to_string(version))) return {};
  return fail(ErrorCode::object_changed, std::string(key) + " changed");
}

Result<ObjectInfo> RemoteStore::stat(std::string_view key, const StoreCall& call) {
  RESTORED_TRY(begin("stat", key, call));
  return inner_.stat(key, call);
}

Result<void> RemoteStore::read(std::string_view key, std::uint64_t offset,
                               std::span<std::byte> into, const StoreCall& call) {
  const Inside inside(reads_under_way_, most_reads_);
  {
    const std::scoped_lock lock(mutex_);
    reads_made_.push_back({std::string(key), offset, into.size()});
  }
  RESTORED_TRY(begin("read", key, call));
  RESTORED_TRY(note_version(key, call));
  RESTORED_TRY(inner_.read(key, offset, into, call));
  if (sent) sent(key, offset, into);
  return {};
}

Result<std::unique_ptr<ObjectUpload>> RemoteStore::upload(std::string_view key,
                                                          const StoreCall& call,
                                                          IfExists if_exists) {
  RESTORED_TRY(begin("upload", key, call));
  RESTORED_TRY(auto inner, inner_.upload(key, call, if_exists));
  change_pieces(std::string(key), [](Pieces&) {});
  return std::make_unique<Upload>(*this, std::string(key), std::move(inner), call);
}

}  // namespace restored::pipeline::test
