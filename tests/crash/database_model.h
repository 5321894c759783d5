// What one database under load may hold, by what its clients were told. Its writers report each
// transaction with the generation that it was made in (INFO, asked within the same EXEC), and one
// client alone swaps generations: so each generation's content is known, but for what nobody
// answered, and which of them is live is known, but while that client waits for an answer.
//
// Threading: all methods may be called from any thread at once. A method that finds something that
// cannot be says so in its answer, or through problem().
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "content_model.h"

namespace restored::crash_test {

using Time = std::chrono::steady_clock::time_point;

// One backup's content: for each writer one of these, and the same one each time.
struct BackupModel {
  std::string id;
  std::string database;
  enum class State : std::uint8_t { running, complete, removing, gone } state = State::running;
  std::array<std::vector<Content>, writers_count> contents;
};
using BackupPointer = std::shared_ptr<BackupModel>;

enum class Swap : std::uint8_t { none, restore, undo, flush };
enum class Happened : std::uint8_t { unknown, yes, no };

// What the agent says is live.
struct Generations {
  std::uint64_t live = 0;
  std::optional<std::uint64_t> previous;
};

class DatabaseModel {
 public:
  // `mutex` guards all databases and all backups, which share contents.
  DatabaseModel(std::mutex& mutex, Generations begin);

  // Of its writers. Times are those before the request was sent.
  void begin(std::size_t writer, Transaction transaction);
  void acknowledged(std::size_t writer, std::uint64_t generation, Time began);
  void refused(std::size_t writer);

  // Of the one client that swaps.
  void begin_swap(Swap swap, BackupPointer source = nullptr);
  Swap swapping() const;
  // The swap has ended, and this is live since. Empty, or what is wrong.
  std::string settle(Happened happened, const Generations& seen);
  // Generations that are replaced from now on may be gone after a moment.
  void previous_may_end(bool may_end);

  // Of the same client: what a backup holds that it begins now, and completes.
  struct Cut {
    std::uint64_t generation = 0;
    std::array<std::size_t, writers_count> acknowledged{};
  };
  Cut begin_backup() const;
  std::string complete_backup(const Cut& cut, BackupModel& backup) const;
  // How much is unknown of what is live.
  std::size_t beginnings() const;

  // After a restart and settle(), when nobody writes: the content is one that may be. From then on
  // it is exactly this one. Empty, or what is wrong.
  std::string check(const Content& content);
  std::string problem() const;

 private:
  struct Generation {
    std::array<Shard, writers_count> shards;
    BackupPointer origin;
  };
  std::string take_over(const Generations& seen);
  std::string expect_previous(const Generations& seen, bool swapped) const;
  bool may_be_live(std::uint64_t generation) const;
  std::string narrow(Generation& live, std::size_t writer, const Content& part);

  std::mutex& mutex_;
  std::map<std::uint64_t, Generation> generations_;
  std::uint64_t live_ = 0;
  std::optional<std::uint64_t> previous_;
  std::uint64_t newest_ =
      0;  // of those that were live; newer ones are the swap's that is under way
  Time settled_at_;
  bool may_end_now_ = false;
  bool previous_may_end_ = false;
  Swap swap_ = Swap::none;
  BackupPointer source_;
  Time swap_began_;
  bool undone_ = false;  // a write that came after the undo began went to the previous generation
  bool maybe_needless_ = false;  // a flush of nothing
  std::array<std::optional<Transaction>, writers_count> in_flight_;
  std::string problem_;
};

}  // namespace restored::crash_test
