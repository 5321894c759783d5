// Writing one large file the way a restore does: fresh blocks, direct I/O, pieces of
// limits::write_bytes_max, fdatasync at the end. Through the ring and the pool, against threads
// that do nothing but pwrite.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/memory_budget.h"
#include "format/frame.h"
#include "io/io_queue.h"
#include "restored/limits.h"
#include "settings.h"

namespace restored::micro {
namespace {

constexpr std::uint64_t piece_bytes = limits::write_bytes_max;
constexpr std::uint64_t source_bytes = 16 * kMiB;  // written again and again

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Fails loudly: a bench that goes on after an error measures something else.
template <class T>
T expect(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(74);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A budget with a lease of random bytes, and an empty file with its blocks reserved.
class Fixture {
 public:
  Fixture()
      : budget_(expect(MemoryBudget::make(limits::memory_budget_bytes_min))),
        lease_(expect(budget_->acquire(source_bytes, {}))) {
    std::uint64_t value = 88172645463325252;
    for (std::byte& byte : lease_.bytes()) {
      value ^= value << 13;
      value ^= value >> 7;
      value ^= value << 17;
      byte = static_cast<std::byte>(value);
    }
    const std::string path = settings().directory + "/written";
    file_ = expect(io::system_files().open(path, io::Access::create_or_open, io::Caching::direct));
  }

  // Old blocks are freed first, so that every pass writes to fresh ones.
  void make_fresh() {
    expect(file_->truncate(0));
    expect(file_->sync());
    expect(file_->allocate(settings().file_bytes));
  }
  std::span<const std::byte> piece(std::uint64_t offset) const {
    return lease_.bytes().subspan(offset % source_bytes, piece_bytes);
  }
  // Of what stands on the device: the sum of the hashes of its frames, bound to their places.
  std::uint64_t hash_of_file() {
    std::uint64_t sum = 0;
    std::vector<std::byte> unaligned(piece_bytes + limits::io_alignment);
    const auto address = reinterpret_cast<std::uintptr_t>(unaligned.data());
    const std::span block = std::span(unaligned).subspan(
        round_up(address, limits::io_alignment) - address, piece_bytes);
    for (std::uint64_t offset = 0; offset < settings().file_bytes; offset += piece_bytes) {
      expect(file_->read_at(offset, block));
      RESTORED_CHECK(std::ranges::equal(block, piece(offset)), "what was written is there");
      sum += format::frame_hash(block, offset / piece_bytes);
    }
    return sum;
  }
  MemoryBudget* budget() { return budget_.get(); }
  io::File& file() { return *file_; }

 private:
  std::unique_ptr<MemoryBudget> budget_;
  MemoryLease lease_;
  std::unique_ptr<io::File> file_;
};

double pass_through_queue(Fixture& fixture, io::IoQueue& queue) {
  fixture.make_fresh();
  const auto begin = Clock::now();
  std::atomic<std::uint64_t> pending = settings().file_bytes / piece_bytes;
  std::atomic<bool> failed = false;
  for (std::uint64_t offset = 0; offset < settings().file_bytes; offset += piece_bytes) {
    queue.submit_write(fixture.file(), offset, fixture.piece(offset), [&](Result<void> result) {
      if (!result) failed = true;
      if (--pending == 0) pending.notify_one();
    });
  }
  for (auto left = pending.load(); left > 0; left = pending.load()) pending.wait(left);
  expect(fixture.file().sync());
  RESTORED_CHECK(!failed, "every write succeeds");
  return seconds_since(begin);
}

// Nothing of ours but the descriptor: the most that so many threads get out of this device.
double pass_with_pwrite(Fixture& fixture, unsigned threads) {
  fixture.make_fresh();
  const auto begin = Clock::now();
  std::atomic<std::uint64_t> next = 0;
  const auto work = [&] {
    for (;;) {
      const std::uint64_t offset = next.fetch_add(piece_bytes);
      if (offset >= settings().file_bytes) return;
      const auto bytes = fixture.piece(offset);
      const ssize_t written = ::pwrite(fixture.file().descriptor(), bytes.data(), bytes.size(),
                                       static_cast<off_t>(offset));
      RESTORED_CHECK(written == static_cast<ssize_t>(bytes.size()), "pwrite takes a whole piece");
    }
  };
  std::vector<std::thread> others;
  for (unsigned index = 1; index < threads; ++index) others.emplace_back(work);
  work();
  for (auto& other : others) other.join();
  RESTORED_CHECK(::fdatasync(fixture.file().descriptor()) == 0, "fdatasync succeeds");
  return seconds_since(begin);
}

constexpr unsigned ceiling_threads = 16;

// One for all benchmarks of a run: the device does not change between them.
double device_ceiling(Fixture& fixture) {
  static const double best = best_timed_rate(
      settings().file_bytes, [&] { return pass_with_pwrite(fixture, ceiling_threads); });
  return best;
}

template <class Pass>
void measure(benchmark::State& state, Fixture& fixture, Pass pass) {
  const double ceiling = device_ceiling(fixture);
  double seconds = 0;
  for (auto each : state) {
    static_cast<void>(each);
    const double one = pass();
    state.SetIterationTime(one);
    seconds += one;
  }
  report(state, settings().file_bytes, seconds, ceiling, "16 threads of pwrite",
         fixture.hash_of_file());
}

void write_through_queue(benchmark::State& state, bool ring, bool registered) {
  Fixture fixture;
  io::IoQueueOptions options;
  options.io_uring = ring;
  if (registered) options.memory = fixture.budget();
  const auto queue = expect(io::open_io_queue(options));
  if (queue->on_ring() != ring || queue->registered() != registered) {
    state.SkipWithError("the kernel refuses it here");
    return;
  }
  measure(state, fixture, [&] { return pass_through_queue(fixture, *queue); });
}

void write_with_pwrite(benchmark::State& state) {
  Fixture fixture;
  measure(state, fixture, [&] { return pass_with_pwrite(fixture, 1); });
}

}  // namespace

void register_writes() {
  const auto add = [](const char* name, auto run) {
    benchmark::RegisterBenchmark(name, run)->UseManualTime()->Unit(benchmark::kMillisecond);
  };
  add("write/ring_registered",
      [](benchmark::State& state) { write_through_queue(state, true, true); });
  add("write/ring_plain", [](benchmark::State& state) { write_through_queue(state, true, false); });
  add("write/pool", [](benchmark::State& state) { write_through_queue(state, false, false); });
  add("write/pwrite_one_thread", [](benchmark::State& state) { write_with_pwrite(state); });
}

}  // namespace restored::micro
