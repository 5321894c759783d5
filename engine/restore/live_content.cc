#include "restore/live_content.h"

#include <exception>
#include <memory>
#include <thread>
#include <utility>

#include "base/thread_priority.h"
#include "format/content_digest.h"

namespace restored::restore {
namespace {

// Looked at once in so many rows.
constexpr std::uint64_t rows_between_stops = 1024;

class Turn {
 public:
  explicit Turn(std::atomic<bool>& taken) : taken_(taken), mine_(!taken.exchange(true)) {}
  ~Turn() {
    if (mine_) taken_ = false;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool mine() const { return mine_; }

 private:
  std::atomic<bool>& taken_;
  const bool mine_;
};

Result<LiveContent> read_all(const Generation& generation, const Clock& clock,
                             const std::stop_token& stop) {
  RESTORED_TRY(const std::unique_ptr<RecordCursor> cursor, generation.scan());
  // Taken after the view: what a compaction has dropped out of the view had expired by now, so it
  // does not count in a backup that still holds it either.
  format::ContentReader reader(clock.wall());
  std::uint64_t rows = 0;
  for (cursor->seek(""); cursor->valid(); cursor->next()) {
    if (++rows % rows_between_stops == 0 && stop.stop_requested()) break;
    RESTORED_TRY(reader.add(cursor->key(), cursor->value()));
  }
  RESTORED_TRY(cursor->status());
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "reading the content was stopped");
  return LiveContent{generation.number(), reader.facts()};
}

}  // namespace

Result<LiveContent> read_live_content(const Keyspace& keyspace, const Clock& clock,
                                      std::atomic<bool>& taken, std::stop_token stop) {
  const Turn turn(taken);
  if (!turn.mine()) {
    return fail(ErrorCode::database_busy, "the whole content of a database is being read already",
                "Try again when that has ended.");
  }
  const std::shared_ptr<const Generation> generation = keyspace.pin();
  Result<LiveContent> content = fail(ErrorCode::internal, "the content was not read");
  // A thread of its own, below those that serve clients: a priority is not given back.
  std::thread([&] {
    enter_background_thread("content");
    try {
      content = read_all(*generation, clock, stop);
    } catch (const std::exception& error) {
      content = fail(ErrorCode::internal, std::string("reading the content: ") + error.what());
    }
  }).join();
  return content;
}

}  // namespace restored::restore
