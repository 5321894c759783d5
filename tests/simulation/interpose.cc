// The C library's functions that a thread can wait, wake, start others, tell the time or get random
// bytes with. Defined in an executable they come before the library's own for every shared library
// of the process too. Before begin(), and after the end, they pass through.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>

#include "kernel.h"
#include "real_calls.h"

namespace restored::simulation {
namespace {

using detail::block;
using detail::point;
using detail::wake_all;
using detail::wake_one;

constexpr std::int64_t nanos_per_second = 1'000'000'000;
constexpr int no_error = 0;

template <class F>
void find(F& function, const char* name, const char* version = nullptr) {
  void* found = version ? dlvsym(RTLD_NEXT, name, version) : dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();
  std::memcpy(&function, &found, sizeof function);
}

RealCalls find_real() {
  RealCalls calls{};
  find(calls.mutex_lock, "pthread_mutex_lock");
  find(calls.mutex_trylock, "pthread_mutex_trylock");
  find(calls.mutex_unlock, "pthread_mutex_unlock");
  find(calls.rwlock_rdlock, "pthread_rwlock_rdlock");
  find(calls.rwlock_tryrdlock, "pthread_rwlock_tryrdlock");
  find(calls.rwlock_wrlock, "pthread_rwlock_wrlock");
  find(calls.rwlock_trywrlock, "pthread_rwlock_trywrlock");
  find(calls.rwlock_unlock, "pthread_rwlock_unlock");
  // Without its version, the oldest one may be found.
  find(calls.cond_wait, "pthread_cond_wait", "GLIBC_2.3.2");
  find(calls.cond_timedwait, "pthread_cond_timedwait", "GLIBC_2.3.2");
  find(calls.cond_clockwait, "pthread_cond_clockwait");
  find(calls.cond_signal, "pthread_cond_signal", "GLIBC_2.3.2");
  find(calls.cond_broadcast, "pthread_cond_broadcast", "GLIBC_2.3.2");
  find(calls.once, "pthread_once");
  find(calls.create, "pthread_create");
  find(calls.join, "pthread_join");
  find(calls.sched_yield, "sched_yield");
  find(calls.clock_gettime, "clock_gettime");
  find(calls.gettimeofday, "gettimeofday");
  find(calls.time, "time");
  find(calls.nanosleep, "nanosleep");
  find(calls.clock_nanosleep, "clock_nanosleep");
  find(calls.usleep, "usleep");
  find(calls.getrandom, "getrandom");
  find(calls.getentropy, "getentropy");
  find(calls.getpid, "getpid");
  find(calls.gettid, "gettid");
  find(calls.syscall, "syscall");
  find(calls.fopen, "fopen");
  return calls;
}

std::int64_t nanos(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * nanos_per_second + time.tv_nsec;
}

timespec as_timespec(std::int64_t time) {
  timespec result{};
  result.tv_sec = time / nanos_per_second;
  result.tv_nsec = time % nanos_per_second;
  return result;
}

// A moment of that clock as one of now_nanos().
std::int64_t deadline_of(clockid_t clock, const timespec& until) {
  const std::int64_t time = nanos(until);
  const std::int64_t ours = clock == CLOCK_REALTIME ? time - detail::wall_epoch_nanos : time;
  return ours < 0 ? 0 : ours;
}

int lock(pthread_mutex_t* mutex) {
  int error = 0;
  while ((error = real().mutex_trylock(mutex)) == EBUSY) block(mutex, -1, "for a mutex");
  return error;
}

int unlock(pthread_mutex_t* mutex) {
  const int error = real().mutex_unlock(mutex);
  wake_one(mutex);
  return error;
}

int wait(pthread_cond_t* condition, pthread_mutex_t* mutex, std::int64_t deadline) {
  // Nobody else runs between these two.
  unlock(mutex);
  const bool woken = block(condition, deadline, "for a condition");
  const int error = lock(mutex);
  if (error != 0) return error;
  return woken ? no_error : ETIMEDOUT;
}

template <class F>
int lock_shared(pthread_rwlock_t* rwlock, F attempt) {
  point("locks a rwlock");
  int error = 0;
  while ((error = attempt(rwlock)) == EBUSY) block(rwlock, -1, "for a rwlock");
  return error;
}

void pause(std::int64_t deadline) {
  block(nullptr, deadline, "sleeps");
}

long futex(int* word, int operation, long value, const timespec* timeout) {
  switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
      if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != static_cast<int>(value)) {
        errno = EAGAIN;
        return -1;
      }
      std::int64_t deadline = -1;
      if (timeout != nullptr) {
        const bool absolute = (operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
        const bool wall = (operation & FUTEX_CLOCK_REALTIME) != 0;
        deadline = absolute ? deadline_of(wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, *timeout)
                            : now_nanos() + nanos(*timeout);
      }
      if (block(word, deadline, "for an atomic")) return 0;
      errno = ETIMEDOUT;
      return -1;
    }
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
      detail::wake(word, static_cast<std::uint64_t>(value));
      point("wakes an atomic's waiters");
      return 0;
    default:
      std::abort();  // none that this process uses
  }
}

// RocksDB takes the identity of a database from there.
FILE* seeded_uuid() {
  std::uint64_t parts[2];
  detail::fill_random(parts, sizeof parts);
  char text[40];
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%012llx\n",
                static_cast<unsigned>(parts[0] >> 32), static_cast<unsigned>(parts[0] & 0xffff),
                static_cast<unsigned>((parts[0] >> 16) & 0xfff),
                static_cast<unsigned>(parts[1] >> 52),
                static_cast<unsigned long long>(parts[1] & 0xffff'ffff'ffffULL));
  const int fd = memfd_create("uuid", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, text, std::strlen(text)) < 0 || ::lseek(fd, 0, SEEK_SET) != 0)
    std::abort();
  return ::fdopen(fd, "r");
}

}  // namespace

const RealCalls& real() {
  static const RealCalls calls = find_real();
  return calls;
}

}  // namespace restored::simulation

// NOLINTBEGIN: these are the C library's names and types.
#pragma GCC diagnostic ignored "-Wmissing-declarations"
using namespace restored::simulation;

extern "C" {

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  if (!running()) return real().mutex_lock(mutex);
  point("locks a mutex");
  return lock(mutex);
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  if (running()) point("tries a mutex");
  return real().mutex_trylock(mutex);
}
int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  if (!running()) return real().mutex_unlock(mutex);
  const int error = unlock(mutex);
  point("unlocked a mutex");
  return error;
}

int pthread_rwlock_rdlock(pthread_rwlock_t* rwlock) noexcept {
  if (!running()) return real().rwlock_rdlock(rwlock);
  return lock_shared(rwlock, real().rwlock_tryrdlock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* rwlock) noexcept {
  if (!running()) return real().rwlock_wrlock(rwlock);
  return lock_shared(rwlock, real().rwlock_trywrlock);
}
int pthread_rwlock_unlock(pthread_rwlock_t* rwlock) noexcept {
  const int error = real().rwlock_unlock(rwlock);
  if (running()) {
    wake_all(rwlock);
    point("unlocked a rwlock");
  }
  return error;
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  if (!running()) return real().cond_wait(condition, mutex);
  return wait(condition, mutex, -1);
}
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* until) {
  if (!running()) return real().cond_timedwait(condition, mutex, until);
  return wait(condition, mutex, deadline_of(CLOCK_REALTIME, *until));
}
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* until) {
  if (!running()) return real().cond_clockwait(condition, mutex, clock, until);
  return wait(condition, mutex, deadline_of(clock, *until));
}
int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  if (!running()) return real().cond_signal(condition);
  wake_one(condition);
  point("signals a condition");
  return 0;
}
int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  if (!running()) return real().cond_broadcast(condition);
  wake_all(condition);
  point("signals a condition");
  return 0;
}

int pthread_once(pthread_once_t* control, void (*initialise)()) {
  if (!running()) return real().once(control, initialise);
  constexpr int done = 2;  // as the C library itself marks it
  constexpr int begun = 1;
  while ((*control & 3) == begun) block(control, -1, "for an initialiser");
  if ((*control & 3) == done) return 0;
  *control = begun;
  initialise();
  *control = done;
  wake_all(control);
  return 0;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*),
                   void* argument) noexcept {
  if (!running()) return real().create(thread, attributes, work, argument);
  return detail::create_thread(thread, attributes, work, argument);
}
int pthread_join(pthread_t thread, void** result) {
  if (running()) detail::await_end(thread);
  return real().join(thread, result);
}

int sched_yield() noexcept {
  if (!running()) return real().sched_yield();
  detail::yield();
  return 0;
}
int sched_getcpu() noexcept {
  return 0;
}
int get_nprocs() noexcept {
  return 2;
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (!running()) return real().clock_gettime(clock, time);
  const bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  *time = as_timespec(detail::read_clock() + (wall ? detail::wall_epoch_nanos : 0));
  return 0;
}
int gettimeofday(timeval* time, void* zone) noexcept {
  if (!running()) return real().gettimeofday(time, zone);
  const timespec now = as_timespec(detail::read_clock() + detail::wall_epoch_nanos);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1'000;
  return 0;
}
time_t time(time_t* into) noexcept {
  if (!running()) return real().time(into);
  const time_t now = as_timespec(detail::read_clock() + detail::wall_epoch_nanos).tv_sec;
  if (into != nullptr) *into = now;
  return now;
}
int nanosleep(const timespec* time, timespec* left) {
  if (!running()) return real().nanosleep(time, left);
  pause(now_nanos() + nanos(*time));
  return 0;
}
int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  if (!running()) return real().clock_nanosleep(clock, flags, time, left);
  pause((flags & TIMER_ABSTIME) != 0 ? deadline_of(clock, *time) : now_nanos() + nanos(*time));
  return 0;
}
int usleep(useconds_t micros) {
  if (!running()) return real().usleep(micros);
  pause(now_nanos() + static_cast<std::int64_t>(micros) * 1'000);
  return 0;
}

// RocksDB makes identities of databases and sessions of them.
pid_t getpid() noexcept {
  if (!running()) return real().getpid();
  return 4242;
}
pid_t gettid() noexcept {
  if (!running()) return real().gettid();
  return detail::thread_number();
}

ssize_t getrandom(void* into, size_t bytes, unsigned flags) {
  if (!running()) return real().getrandom(into, bytes, flags);
  detail::fill_random(into, bytes);
  return static_cast<ssize_t>(bytes);
}
int getentropy(void* into, size_t bytes) {
  if (!running()) return real().getentropy(into, bytes);
  detail::fill_random(into, bytes);
  return 0;
}

long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  if (number == SYS_futex && running()) {
    return futex(reinterpret_cast<int*>(arguments[0]), static_cast<int>(arguments[1]), arguments[2],
                 reinterpret_cast<const timespec*>(arguments[3]));
  }
  return real().syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                        arguments[4], arguments[5]);
}

FILE* fopen(const char* path, const char* mode) {
  if (running() && std::string_view(path) == "/proc/sys/kernel/random/uuid") return seeded_uuid();
  return real().fopen(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return fopen(path, mode);
}

// Statics of functions, by the C++ ABI: byte 0 is set when it is made, byte 1 while it is.
int __cxa_guard_acquire(long long* object) {
  auto* const guard = reinterpret_cast<unsigned char*>(object);
  while (__atomic_load_n(guard, __ATOMIC_ACQUIRE) == 0) {
    unsigned char expected = 0;
    if (__atomic_compare_exchange_n(guard + 1, &expected, 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
      return 1;
    if (running()) {
      block(guard, -1, "for a static");
    } else {
      real().sched_yield();
    }
  }
  return 0;
}
void __cxa_guard_release(long long* object) {
  auto* const guard = reinterpret_cast<unsigned char*>(object);
  __atomic_store_n(guard + 1, 0, __ATOMIC_RELAXED);
  __atomic_store_n(guard, 1, __ATOMIC_RELEASE);
  if (running()) wake_all(guard);
}
void __cxa_guard_abort(long long* object) {
  auto* const guard = reinterpret_cast<unsigned char*>(object);
  __atomic_store_n(guard + 1, 0, __ATOMIC_RELEASE);
  if (running()) wake_all(guard);
}

}  // extern "C"

// libstdc++'s own would ask the processor.
std::random_device::result_type std::random_device::_M_getval() {
  result_type value = 0;
  if (running()) {
    detail::fill_random(&value, sizeof value);
  } else if (real().getrandom(&value, sizeof value, 0) != sizeof value) {
    std::abort();
  }
  return value;
}
// NOLINTEND
