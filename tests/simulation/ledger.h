// What clients of the engine did and were told, over all lives of one seed's host. It lies in
// memory that the lives share, so that a killed one leaves it as it was. Threading: one thread at a
// time, as everything in a simulation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace restored::simulation {

enum class Act : std::uint8_t {
  write,    // of a whole content, in one step
  read,     // of everything, through one pin
  backup,   // an operation
  restore,  //
  undo,     //
  verify,   //
  flush,    // replace_all with nothing
  create,   // of a database: empty, from `backup`, or a clone of `source`
  drop,     // its removal
  rotate,   // of the database's password
  remove,   // of a backup
  cancel,   // of an operation
  commit,   // of a restore that holds
  set,      // of the wall clock
  cut,      // the life ended here
};

enum class Told : std::uint8_t {
  nothing,    // not yet, or never
  done,       // succeeded
  failed,     // or was refused; `code` says why
  cancelled,  //
};

// 32 characters hold any id and any password's beginning; passwords are 43.
using Name = std::array<char, 48>;
Name as_name(std::string_view text);
std::string_view text(const Name& name);

struct Event {
  Act act = Act::read;
  Told told = Told::nothing;
  bool durable = false;     // a write that was promised to survive a power loss
  bool power_lost = false;  // a cut: not only the process died
  bool has_generation = false;
  bool holds = false;  // a restore that stops before its swap until it is committed
  bool clones = false;
  std::uint8_t database = 0;
  std::uint8_t source = 0;
  std::uint8_t life = 0;
  std::uint32_t code = 0;
  std::uint64_t intent = 0;      // the number of the request's; 0: it has none
  std::uint64_t tag = 0;         // of the content; 0 is the empty one
  std::uint64_t generation = 0;  // that was written, read, or is live after a swap
  std::int64_t begin = 0;        // virtual nanoseconds, across lives
  std::int64_t end = 0;          // 0: not yet
  Name operation{};
  Name backup{};  // of a restore and of a creation: its source; of a rotation: the new password
};

// One line, for people: "life 2 database 0 restore of b7… done, generation 5, 1234 to 1290 us".
std::string print(const Event& event);

class Ledger {
 public:
  static constexpr std::size_t events_max = 16'384;
  static constexpr std::size_t databases_max = 8;

  // In memory that forked processes share; lives as long as the process.
  static Ledger& shared();
  void clear();

  // Nothing when it is full: then clients stop.
  Event* add(Act act, std::size_t database, std::int64_t now);
  bool full() const { return count_ + 64 >= events_max; }
  std::span<Event> events() { return {events_.data(), count_}; }
  std::span<const Event> events() const { return {events_.data(), count_}; }

  // Whether a database was made and not removed.
  enum class Standing : std::uint8_t { there, absent, doubtful };
  Standing standing(std::size_t database) const;

  std::uint64_t new_tag() { return ++tags_; }
  std::uint64_t tags() const { return tags_; }
  std::uint64_t new_intent() { return ++intents_; }

  std::uint8_t life = 0;
  std::int64_t now = 0;         // when the last life ended
  std::int64_t wall_step = 0;   // the wall clock is that much ahead
  std::int64_t hold_nanos = 0;  // how long a restore may hold
  std::size_t databases = 0;
  std::array<Name, databases_max> ids{};             // empty: not known, or it was never made
  std::array<std::uint8_t, databases_max> owners{};  // the controller that replaces its content
  std::array<Name, databases_max> connections{};
  std::array<Name, databases_max> first_passwords{};
  std::uint64_t store_troubles = 0;
  std::uint64_t disk_troubles = 0;

 private:
  std::uint64_t tags_ = 0;
  std::uint64_t intents_ = 0;
  std::size_t count_ = 0;
  std::array<Event, events_max> events_{};
};

}  // namespace restored::simulation
