// Threads, locks, time and random numbers of one process, decided by a seed. The functions of the
// C library through which any code waits, wakes, starts threads, reads a clock or asks for random
// bytes are taken over in the executable (interpose.cc), so the product runs as it is shipped,
// RocksDB's own threads included. One thread runs at a time; at every such call the seed says who
// goes on. Time is virtual: it moves by a microsecond a call, and leaps to the next deadline when
// nobody can run. So a seed gives one order of everything, and a failing one replays exactly.
//
// After the idea of deterministic simulation in FoundationDB, and of controlled threads in CHESS
// (Musuvathi and others, OSDI 2008).
//
// What is not decided here: real files, sockets and io_uring; races without a lock or atomic wait
// between them (ThreadSanitizer's part): between two such calls a thread is alone.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace restored::simulation {

struct Schedule {
  std::uint64_t seed = 1;
  // Of a call, in 1024: how often another thread goes on.
  std::uint32_t switches = 64;
  // Of a switch, in 1024: how often time leaps to the next deadline although others can run; by a
  // tenth of a second at most, and two seconds together.
  std::uint32_t leaps = 4;
  // Of a thread, in 1024: how often it is one that gets a turn 32 times more seldom.
  std::uint32_t slow_threads = 128;
  std::uint64_t steps_max = 40'000'000;  // a run that takes more hangs
  std::int64_t start_nanos = 0;          // virtual time at begin()
  std::FILE* journal = nullptr;          // a line a call, to compare two runs
  // At that call (0: never) the process is at its end: `ended` is called, on whichever thread got
  // there, and does not return. See also end_after().
  std::uint64_t end_at_step = 0;
  std::function<void()> ended = {};
  // Nobody can ever go on, or steps_max is reached: called with who waits for what; does not
  // return.
  std::function<void(const std::string& report)> hung = {};
};

// From here to the end of the process the calling thread and all that it starts run by the seed.
// REQUIRES: it is the only thread. There is no way back: the process ends with _exit().
void begin(Schedule schedule);
bool running();
// Real time, locks and files again, for what comes after the end; the other threads never run.
void stand_still();

// So many calls from now on: end_at_step.
void end_after(std::uint64_t calls);
// A line of its own in the journal.
void remark(const std::string& text);
// How many calls there were.
std::uint64_t steps();
// Of all that was decided: equal for two runs that went the same way.
std::uint64_t trace();
std::int64_t now_nanos();  // virtual
// Seeded, apart from the schedule's own.
std::uint64_t random_below(std::uint64_t bound);
// The wall clock is that much ahead of what it began with, from now on; the others never jump.
void set_wall_step(std::int64_t nanos);
// The calling thread waits so long.
void sleep_micros(std::uint64_t micros);

// For interpose.cc.
namespace detail {
void point(const char* doing);
void yield();
// False: the deadline came. Nanoseconds of now_nanos(); negative: none.
bool block(const void* on, std::int64_t deadline_nanos, const char* doing);
void wake_one(const void* on);
void wake_all(const void* on);
void wake(const void* on, std::uint64_t count);
int create_thread(unsigned long* handle, const void* attributes, void* (*work)(void*),
                  void* argument);
void await_end(unsigned long handle);
void fill_random(void* into, std::size_t bytes);
std::int64_t read_clock();
int thread_number();
// Real CLOCK_REALTIME at the beginning of virtual time: the same in every run.
inline constexpr std::int64_t epoch_nanos = 1'800'000'000'000'000'000;
// CLOCK_REALTIME at virtual time 0, as it is set now.
inline std::int64_t wall_epoch_nanos = epoch_nanos;
}  // namespace detail

inline void set_wall_step(std::int64_t nanos) {
  detail::wall_epoch_nanos = detail::epoch_nanos + nanos;
}

}  // namespace restored::simulation
