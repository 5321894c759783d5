// What the calls of one operation wait for, so that it can always say so: "on what, since when,
// tried how often". Calls post an entry when they begin and note each sign of progress; the board
// shows the oldest entry that has seen none for a while.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "restored/units.h"

namespace restored {

struct StoreWait {
  std::string reason;  // "the object store at 10.0.0.7:8000: 503 SlowDown"
  UnixMillis since = 0;
  unsigned attempts = 0;
};

class WaitBoard {
  struct Post;

 public:
  // Move-only; its destructor takes the entry off. An entry without a board does nothing.
  class Entry {
   public:
    Entry() = default;
    Entry(Entry&& other) noexcept
        : board_(std::exchange(other.board_, nullptr)),
          post_(std::exchange(other.post_, nullptr)) {}
    Entry& operator=(Entry&& other) noexcept;
    ~Entry() { remove(); }

    void progress();  // cheap: once per received piece
    // Another attempt failed, for this reason: shown at once.
    void attempt_failed(std::string reason, unsigned attempts);
    void remove() noexcept;

   private:
    friend class WaitBoard;
    Entry(WaitBoard* board, Post* post) : board_(board), post_(post) {}
    WaitBoard* board_ = nullptr;
    Post* post_ = nullptr;
  };

  WaitBoard();
  ~WaitBoard();
  WaitBoard(const WaitBoard&) = delete;
  WaitBoard& operator=(const WaitBoard&) = delete;

  // `reason` names what a silent call waits for. `board` may be null.
  static Entry post(WaitBoard* board, std::string reason);

  // Of the entries whose last attempt failed the one without progress for longest; without such,
  // of the others that have made none for limits::store_wait_shown_seconds.
  std::optional<StoreWait> current() const;

 private:
  mutable Mutex mutex_;
  std::list<std::unique_ptr<Post>> posts_ GUARDED_BY(mutex_);
};

}  // namespace restored
