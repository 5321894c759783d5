#include "base/wait_board.h"

#include <algorithm>

#include "base/clock.h"
#include "restored/limits.h"

namespace restored {

struct WaitBoard::Post {
  std::string reason;                // guarded by the board's mutex
  unsigned attempts = 0;             // guarded by the board's mutex
  UnixMillis failed_at = 0;          // the last of them; guarded by the board's mutex
  std::atomic<UnixMillis> since{0};  // of the last progress; a time for people, so relaxed
};

WaitBoard::WaitBoard() = default;
WaitBoard::~WaitBoard() = default;

WaitBoard::Entry& WaitBoard::Entry::operator=(Entry&& other) noexcept {
  if (this != &other) {
    remove();
    board_ = std::exchange(other.board_, nullptr);
    post_ = std::exchange(other.post_, nullptr);
  }
  return *this;
}

void WaitBoard::Entry::progress() {
  if (post_ != nullptr) post_->since.store(system_clock().wall(), std::memory_order_relaxed);
}

void WaitBoard::Entry::attempt_failed(std::string reason, unsigned attempts) {
  if (board_ == nullptr) return;
  const MutexLock lock(board_->mutex_);
  post_->reason = std::move(reason);
  post_->attempts = attempts;
  post_->failed_at = system_clock().wall();
}

void WaitBoard::Entry::remove() noexcept {
  WaitBoard* board = std::exchange(board_, nullptr);
  Post* post = std::exchange(post_, nullptr);
  if (board == nullptr) return;
  const MutexLock lock(board->mutex_);
  std::erase_if(board->posts_, [post](const auto& one) { return one.get() == post; });
}

WaitBoard::Entry WaitBoard::post(WaitBoard* board, std::string reason) {
  if (board == nullptr) return {};
  auto post = std::make_unique<Post>();
  post->reason = std::move(reason);
  post->since.store(system_clock().wall(), std::memory_order_relaxed);
  const MutexLock lock(board->mutex_);
  board->posts_.push_back(std::move(post));
  return Entry(board, board->posts_.back().get());
}

std::optional<StoreWait> WaitBoard::current() const {
  const UnixMillis shown_before =
      system_clock().wall() - static_cast<UnixMillis>(limits::store_wait_shown_seconds) * 1000;
  std::optional<StoreWait> shown;
  bool shown_fails = false;
  const MutexLock lock(mutex_);
  for (const auto& post : posts_) {
    const UnixMillis since = post->since.load(std::memory_order_relaxed);
    const bool fails = post->attempts > 0 && post->failed_at >= since;
    if (!fails && since > shown_before) continue;
    // A limit that is waited for as well must not hide a store that is away.
    if (shown && (shown_fails != fails ? shown_fails : shown->since <= since)) continue;
    shown = StoreWait{post->reason, since, post->attempts};
    shown_fails = fails;
  }
  return shown;
}

}  // namespace restored
