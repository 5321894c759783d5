#include "kernel.h"

#include <fmt/format.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "real_calls.h"

namespace restored::simulation {
namespace {

constexpr std::int64_t never = -1;
constexpr std::int64_t nanos_per_call = 1'000;
constexpr std::int64_t leap_max = 100'000'000;
constexpr std::int64_t leaps_max = 2'000'000'000;  // together
constexpr std::uint32_t out_of = 1024;
constexpr std::uint64_t slow_share = 32;

// splitmix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool one_of(std::uint32_t share) { return (next() >> 20) % out_of < share; }

 private:
  std::uint64_t state_;
};

struct SimThread {
  std::atomic<std::uint32_t> turn{0};  // futex: 1 when it may go on
  std::size_t index = 0;
  bool can_run = true;
  bool ended = false;
  bool slow = false;
  bool timed_out = false;
  const void* waits_on = nullptr;
  std::int64_t deadline = never;
  const char* doing = "";
  pthread_t handle{};
  void* (*work)(void*) = nullptr;
  void* argument = nullptr;
};

// Only the thread whose turn it is touches it; the hand-over orders the accesses.
struct Kernel {
  explicit Kernel(Schedule chosen)
      : schedule(std::move(chosen)), order(schedule.seed), values(~schedule.seed) {}

  Schedule schedule;
  Random order;
  Random values;
  std::vector<std::unique_ptr<SimThread>> threads;
  std::vector<SimThread*> alive;
  std::int64_t now = 0;
  std::int64_t next_deadline = never;
  std::int64_t leaps_left = leaps_max;
  std::uint64_t steps = 0;
  std::uint64_t trace = 0xcbf29ce484222325;
  pthread_key_t end_key{};
  pid_t leaving = 0;  // the thread that has just ended
  bool still = false;
};

Kernel* kernel = nullptr;  // leaked: threads that never run again may stand in it
thread_local SimThread* self = nullptr;
thread_local int end_rounds = 0;

void note(std::uint64_t what) {
  kernel->trace = (kernel->trace ^ what) * 0x100000001b3;
}

void real_futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
  real().syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

void wait_for_turn(SimThread& thread) {
  while (thread.turn.load(std::memory_order_acquire) == 0)
    real_futex(thread.turn, FUTEX_WAIT_PRIVATE, 0);
  thread.turn.store(0, std::memory_order_relaxed);
  // A thread that ends gives memory back after the last call that we see of it.
  const pid_t leaving = std::exchange(kernel->leaving, 0);
  while (leaving != 0 && real().syscall(SYS_tgkill, real().getpid(), leaving, 0) == 0)
    real().sched_yield();
}

void give_turn(SimThread& thread) {
  thread.turn.store(1, std::memory_order_release);
  real_futex(thread.turn, FUTEX_WAKE_PRIVATE, 1);
}

void make_runnable(SimThread& thread, bool timed_out) {
  thread.can_run = true;
  thread.timed_out = timed_out;
  thread.waits_on = nullptr;
  thread.deadline = never;
}

// Those whose time has come may go on.
void let_deadlines_pass() {
  if (kernel->next_deadline == never || kernel->now < kernel->next_deadline) return;
  kernel->next_deadline = never;
  for (SimThread* thread : kernel->alive) {
    if (thread->can_run || thread->deadline == never) continue;
    if (thread->deadline <= kernel->now) {
      make_runnable(*thread, true);
    } else if (kernel->next_deadline == never || thread->deadline < kernel->next_deadline) {
      kernel->next_deadline = thread->deadline;
    }
  }
}

[[noreturn]] void hang(const char* why) {
  std::string report = fmt::format("{} after {} calls, {} virtual ms\n", why, kernel->steps,
                                   kernel->now / 1'000'000);
  for (const SimThread* thread : kernel->alive) {
    char name[32] = "";
    pthread_getname_np(thread->handle, name, sizeof name);
    report += fmt::format("  thread {} {}: {} {} {}\n", thread->index, name,
                          thread->can_run ? "runs" : "waits", thread->doing,
                          thread->deadline == never ? "" : "with a deadline");
  }
  stand_still();
  if (kernel->schedule.hung) kernel->schedule.hung(report);
  std::fputs(report.c_str(), stderr);
  std::abort();
}

// As if those who can run had been slow. Only so slow: a machine on which nothing moves for an hour
// is not one that anybody must survive.
void leap() {
  if (kernel->next_deadline == never || !kernel->order.one_of(kernel->schedule.leaps)) return;
  const std::int64_t distance = kernel->next_deadline - kernel->now;
  if (distance <= 0 || distance > leap_max || distance > kernel->leaps_left) return;
  kernel->leaps_left -= distance;
  kernel->now = kernel->next_deadline;
}

SimThread& choose() {
  leap();
  let_deadlines_pass();
  for (;;) {
    std::uint64_t total = 0;
    for (const SimThread* thread : kernel->alive)
      if (thread->can_run) total += thread->slow ? 1 : slow_share;
    if (total == 0) {
      if (kernel->next_deadline == never) hang("nobody can go on");
      kernel->now = std::max(kernel->now, kernel->next_deadline);
      let_deadlines_pass();
      continue;
    }
    std::uint64_t chosen = kernel->order.below(total);
    for (SimThread* thread : kernel->alive) {
      if (!thread->can_run) continue;
      const std::uint64_t share = thread->slow ? 1 : slow_share;
      if (chosen < share) {
        note(thread->index);
        return *thread;
      }
      chosen -= share;
    }
  }
}

void switch_away() {
  SimThread& next = choose();
  if (&next == self) return;
  SimThread& me = *self;
  give_turn(next);
  wait_for_turn(me);
}

void count_call(const char* doing) {
  self->doing = doing;
  ++kernel->steps;
  if (kernel->schedule.journal != nullptr)
    std::fprintf(kernel->schedule.journal, "%llu thread %zu %s at %lld\n",
                 static_cast<unsigned long long>(kernel->steps), self->index, doing,
                 static_cast<long long>(kernel->now));
  kernel->now += nanos_per_call;
  if (kernel->steps == kernel->schedule.end_at_step) {
    stand_still();
    kernel->schedule.ended();
    std::abort();
  }
  if (kernel->steps >= kernel->schedule.steps_max) hang("there is no end");
}

SimThread& add_thread() {
  kernel->threads.push_back(std::make_unique<SimThread>());
  SimThread& thread = *kernel->threads.back();
  thread.index = kernel->threads.size() - 1;
  thread.slow = thread.index > 0 && kernel->order.one_of(kernel->schedule.slow_threads);
  kernel->alive.push_back(&thread);
  return thread;
}

// The last thing that a thread does, behind the destructors of everything thread-local: keys are
// destroyed in rounds, and it asks for another round until there is none.
void thread_ends(void* value) {
  if (++end_rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
    pthread_setspecific(kernel->end_key, value);
    return;
  }
  SimThread& me = *self;
  me.ended = true;
  me.can_run = false;
  std::erase(kernel->alive, &me);
  detail::wake_all(&me);
  kernel->leaving = real().gettid();
  give_turn(choose());
}

void* run_thread(void* argument) {
  self = static_cast<SimThread*>(argument);
  wait_for_turn(*self);
  pthread_setspecific(kernel->end_key, self);
  return self->work(self->argument);
}

}  // namespace

void begin(Schedule schedule) {
  kernel = new Kernel(std::move(schedule));
  kernel->now = kernel->schedule.start_nanos;
  pthread_key_create(&kernel->end_key, thread_ends);
  SimThread& first = add_thread();
  first.handle = pthread_self();
  self = &first;
}

bool running() {
  return kernel != nullptr && !kernel->still;
}

void stand_still() {
  kernel->still = true;
}

void end_after(std::uint64_t calls) {
  kernel->schedule.end_at_step = kernel->steps + calls;
}

void remark(const std::string& text) {
  if (kernel->schedule.journal != nullptr)
    std::fprintf(kernel->schedule.journal, "  %s\n", text.c_str());
}

std::uint64_t steps() {
  return kernel->steps;
}

std::uint64_t trace() {
  return kernel->trace;
}

std::int64_t now_nanos() {
  return kernel->now;
}

std::uint64_t random_below(std::uint64_t bound) {
  return kernel->values.below(bound);
}

void sleep_micros(std::uint64_t micros) {
  detail::block(nullptr, kernel->now + static_cast<std::int64_t>(micros) * 1'000, "sleeps");
}

namespace detail {

void point(const char* doing) {
  count_call(doing);
  if (kernel->order.one_of(kernel->schedule.switches)) switch_away();
}

void yield() {
  count_call("yields");
  // Who yields waits for another one: it would spin for ever if it were always chosen again.
  self->can_run = false;
  bool alone = true;
  for (const SimThread* thread : kernel->alive) alone = alone && !thread->can_run;
  if (alone && kernel->next_deadline != never)
    kernel->now = std::max(kernel->now, kernel->next_deadline);
  let_deadlines_pass();
  self->can_run = alone;
  if (!alone) {
    SimThread& next = choose();
    self->can_run = true;
    SimThread& me = *self;
    give_turn(next);
    wait_for_turn(me);
  } else {
    switch_away();
  }
}

bool block(const void* on, std::int64_t deadline_nanos, const char* doing) {
  count_call(doing);
  SimThread& me = *self;
  me.can_run = false;
  me.timed_out = false;
  me.waits_on = on;
  me.deadline = deadline_nanos;
  if (deadline_nanos != never &&
      (kernel->next_deadline == never || deadline_nanos < kernel->next_deadline))
    kernel->next_deadline = deadline_nanos;
  switch_away();
  return !me.timed_out;
}

void wake(const void* on, std::uint64_t count) {
  std::vector<SimThread*> waiting;
  for (SimThread* thread : kernel->alive)
    if (!thread->can_run && thread->waits_on == on) waiting.push_back(thread);
  while (count > 0 && !waiting.empty()) {
    const std::size_t chosen = waiting.size() == 1 ? 0 : kernel->order.below(waiting.size());
    make_runnable(*waiting[chosen], false);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(chosen));
    --count;
  }
}

void wake_one(const void* on) {
  wake(on, 1);
}

void wake_all(const void* on) {
  wake(on, ULONG_MAX);
}

int create_thread(unsigned long* handle, const void* attributes, void* (*work)(void*),
                  void* argument) {
  SimThread& thread = add_thread();
  thread.work = work;
  thread.argument = argument;
  const int error = real().create(&thread.handle, static_cast<const pthread_attr_t*>(attributes),
                                  run_thread, &thread);
  if (error != 0) {
    thread.ended = true;
    std::erase(kernel->alive, &thread);
    return error;
  }
  *handle = thread.handle;
  point("starts a thread");
  return 0;
}

void await_end(unsigned long handle) {
  // Handles are used again: the newest thread with it is meant.
  for (std::size_t i = kernel->threads.size(); i-- > 0;) {
    SimThread& thread = *kernel->threads[i];
    if (thread.handle != handle) continue;
    while (!thread.ended) block(&thread, never, "joins a thread");
    return;
  }
}

void fill_random(void* into, std::size_t bytes) {
  auto* out = static_cast<unsigned char*>(into);
  while (bytes > 0) {
    const std::uint64_t word = kernel->values.next();
    const std::size_t part = std::min(bytes, sizeof word);
    std::memcpy(out, &word, part);
    out += part;
    bytes -= part;
  }
}

int thread_number() {
  return 4242 + static_cast<int>(self->index);
}

std::int64_t read_clock() {
  kernel->now += nanos_per_call;
  return kernel->now;
}

}  // namespace detail
}  // namespace restored::simulation
