// Who works with the engine during a life: writers and readers of each database, one controller
// of each that backs up and replaces its content, one after the other, and who cancels operations.
// Each writes into the ledger what it asked for, before, and what it was told, after.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host.h"
#include "ledger.h"

namespace restored::simulation {

class Clients {
 public:
  explicit Clients(Host& host) : host_(host) {}

  // What the last life left unanswered is asked for, and every database is read once; before
  // anybody works. Databases that cannot be served are left alone.
  void look_around();
  void start();
  // Until the controllers have done their operations.
  void finish();
  // The rest end without having done all.
  void stop() { stopping_ = true; }

  // A host's own databases, before anything is wrong.
  void make_first(std::size_t database);

  // For the inspection too.
  bool read(std::size_t database);
  void write(std::size_t database, bool durable);
  bool restore(std::size_t database, const Name& backup);
  // Backups that were told to be complete and that nobody removed.
  static std::vector<Name> complete_backups();

  const std::vector<std::string>& problems() const { return problems_; }
  std::vector<std::string>& problems() { return problems_; }

 private:
  void write_often(std::size_t database);
  void read_often(std::size_t database);
  void read_any();
  void control(std::size_t database);
  void cancel_often();
  void set_clock_often();
  void act(std::size_t controller);
  void replace(std::size_t database, std::uint64_t choice);
  std::vector<std::size_t> owned(std::size_t controller) const;
  void make(std::size_t controller);
  void conclude_making(Event& event);
  void made(Event& event, Told told, const std::optional<Error>& error);
  void resolve_making(Event& event);
  void drop(std::size_t database);
  void resolve_drop(Event& event);
  bool backup(std::size_t database);
  bool restore_held(std::size_t database, const Name& backup);
  bool wait_staged(const Event& event);
  void decide(const Event& event);
  void leave(const Event& event);
  void commit(const Event& event);
  void cancel(const Name& operation);
  void look_for_staged(const Event& event, std::uint64_t bytes_before);
  std::uint64_t content_bytes(std::size_t database);
  bool verify(const Name& backup);
  void undo(std::size_t database);
  void look_for_previous(std::size_t database);
  void flush(std::size_t database);
  void rotate(std::size_t database);
  void remove(const Name& backup);

  // Half of all requests can be repeated.
  Event* ask(Act act, std::size_t database);
  Result<OperationView> send(const Event& event);
  void repeat(Event& event);
  void repeat_answered(std::size_t database);
  void repeat_making(Event& event);
  void repeat_rotation(Event& event);
  bool follow(Event* event, const Result<OperationView>& started);
  void conclude(Event& event);
  void resolve(Event& event);
  void resolve_flush(Event& event);
  void settle_doubtful_swap(std::size_t database);
  bool adopt(Event& event);
  void told(Event& event, const OperationView& view);
  std::uint64_t live_generation(std::size_t database);
  bool working() const { return !stopping_ && !Ledger::shared().full(); }

  Host& host_;
  bool stopping_ = false;
  bool controllers_done_ = false;
  std::vector<std::string> problems_;
  std::vector<std::jthread> controllers_;
  std::vector<std::jthread> others_;
};

}  // namespace restored::simulation
