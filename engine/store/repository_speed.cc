#include "store/repository_speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <system_error>
#include <thread>

#include "base/mutex.h"
#include "restored/limits.h"

namespace restored::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t part_bytes = limits::upload_part_bytes;
constexpr std::uint64_t reads_again_max = 8;  // of the whole object
constexpr std::chrono::seconds read_time{3};
constexpr std::chrono::seconds latency_time{10};

double seconds_since(Clock::time_point begin) {
  return std::max(1e-9, std::chrono::duration<double>(Clock::now() - begin).count());
}

std::uint64_t parts_of(std::uint64_t bytes) {
  return (bytes + part_bytes - 1) / part_bytes;
}

std::uint64_t bytes_of_part(std::uint64_t number, std::uint64_t bytes) {
  return std::min(part_bytes, bytes - number * part_bytes);
}

// The most that were there at once.
class InFlight {
 public:
  void enter() {
    const unsigned now = ++now_;
    unsigned most = most_.load();
    while (most < now && !most_.compare_exchange_weak(most, now)) {
    }
  }
  void leave() { --now_; }
  unsigned most() const { return most_.load(); }

 private:
  std::atomic<unsigned> now_ = 0;
  std::atomic<unsigned> most_ = 0;
};

// Threads that work on one thing; the first error is the outcome, and stops the others.
class Gang {
 public:
  explicit Gang(const StoreCall& call) : call_(call), forward_(call.stop, [this] { stop(); }) {
    call_.stop = stop_.get_token();
  }
  template <class Work>
  void start(Work work) {
    try {
      threads_.emplace_back([this, work] {
        Result<void> outcome;
        try {
          outcome = work(call_);
        } catch (const std::exception& thrown) {
          outcome = fail(ErrorCode::internal, thrown.what());
        }
        if (!outcome) note(std::move(outcome).error());
      });
    } catch (const std::system_error& refused) {
      note({ErrorCode::internal, fmt::format("starting a thread: {}", refused.what()),
            "Raise the limit on threads (TasksMax, ulimit -u)."});
    }
  }
  Result<void> join() {
    threads_.clear();
    const MutexLock lock(mutex_);
    if (error_) return std::unexpected(*error_);
    return {};
  }

 private:
  void stop() { stop_.request_stop(); }
  void note(Error error) {
    {
      const MutexLock lock(mutex_);
      if (!error_) error_ = std::move(error);
    }
    stop();
  }

  StoreCall call_;
  std::stop_source stop_;
  Mutex mutex_;
  std::optional<Error> error_ GUARDED_BY(mutex_);
  std::stop_callback<std::function<void()>> forward_;
  std::vector<std::jthread> threads_;  // last: they use the rest
};

// Aligned, so that a driver can go around the page cache, as in a restore.
struct FreeAligned {
  void operator()(std::byte* memory) const {
    ::operator delete[](memory, std::align_val_t(limits::io_alignment));
  }
};
using AlignedBytes = std::unique_ptr<std::byte[], FreeAligned>;

AlignedBytes aligned_bytes(std::uint64_t bytes) {
  return AlignedBytes(new (std::align_val_t(limits::io_alignment)) std::byte[bytes]);
}

}  // namespace

CheckContent::CheckContent(std::uint64_t seed) : block_(part_bytes) {
  std::mt19937_64 random(seed);
  for (std::size_t at = 0; at < block_.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(block_.data() + at, &word, sizeof(word));
  }
}

std::vector<std::byte> CheckContent::part(std::uint64_t number, std::uint64_t bytes) const {
  std::vector<std::byte> content(block_.begin(),
                                 block_.begin() + static_cast<std::ptrdiff_t>(bytes));
  std::memcpy(content.data(), &number, std::min(sizeof(number), content.size()));
  return content;
}

bool CheckContent::matches(std::uint64_t number, std::span<const std::byte> bytes) const {
  const std::size_t head = std::min(sizeof(number), bytes.size());
  return std::memcmp(bytes.data(), &number, head) == 0 &&
         std::memcmp(bytes.data() + head, block_.data() + head, bytes.size() - head) == 0;
}

Result<void> upload_content(ObjectStore& store, const std::string& key, const CheckContent& content,
                            std::uint64_t bytes, const StoreCall& call) {
  RESTORED_TRY(const std::unique_ptr<ObjectUpload> upload, store.upload(key, call, IfExists::keep));
  const auto write = [&]() -> Result<void> {
    const std::uint64_t parts = parts_of(bytes);
    for (std::uint64_t number = 0; number + 1 < parts; ++number) {
      RESTORED_TRY(upload->append(content.part(number, part_bytes)));
    }
    return upload->commit(content.part(parts - 1, bytes_of_part(parts - 1, bytes)));
  };
  Result<void> written = write();
  if (!written) upload->abandon();
  return written;
}

Result<Speed> measure_writes(ObjectStore& store, const std::vector<std::string>& keys,
                             const CheckContent& content, std::uint64_t bytes,
                             const StoreCall& call) {
  InFlight in_flight;
  const std::uint64_t each = bytes / keys.size();
  const Clock::time_point begin = Clock::now();
  Gang gang(call);
  for (const std::string& key : keys) {
    gang.start([&, key](const StoreCall& mine) {
      in_flight.enter();
      const Result<void> written = upload_content(store, key, content, each, mine);
      in_flight.leave();
      return written;
    });
  }
  RESTORED_TRY(gang.join());
  const auto written = static_cast<double>(each * keys.size());
  return Speed{written / seconds_since(begin), in_flight.most()};
}

Result<Speed> measure_reads(ObjectStore& store, const std::string& key, const CheckContent& content,
                            std::uint64_t bytes, const StoreCall& call) {
  InFlight in_flight;
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> done_bytes = 0;
  const std::uint64_t parts = parts_of(bytes);
  const Clock::time_point begin = Clock::now();
  const auto work = [&](const StoreCall& mine) -> Result<void> {
    AlignedBytes buffer;
    while (true) {
      const std::uint64_t number = next++;
      const bool enough = number >= parts && Clock::now() - begin > read_time;
      if (enough || number >= parts * reads_again_max) return {};
      RESTORED_TRY(const ReadTurn turn, store.read_turn(mine));
      if (!buffer) buffer = aligned_bytes(part_bytes);
      const std::uint64_t part = number % parts;
      const std::span<std::byte> into(buffer.get(), bytes_of_part(part, bytes));
      in_flight.enter();
      const Result<void> read = store.read(key, part * part_bytes, into, mine);
      in_flight.leave();
      RESTORED_TRY(read);
      if (!content.matches(part, into)) {
        return fail(ErrorCode::corruption,
                    fmt::format("object {}: {} bytes at {} are not what was written", key,
                                into.size(), part * part_bytes),
                    "The store or what stands before it damages data: do not keep backups there.");
      }
      done_bytes += into.size();
    }
  };
  Gang gang(call);
  const std::uint64_t threads = std::min<std::uint64_t>(store.reads_max(), parts * reads_again_max);
  for (std::uint64_t count = 0; count < std::max<std::uint64_t>(1, threads); ++count) {
    gang.start(work);
  }
  RESTORED_TRY(gang.join());
  return Speed{static_cast<double>(done_bytes.load()) / seconds_since(begin), in_flight.most()};
}

Result<Latency> measure_latency(ObjectStore& store, const std::string& key, std::size_t bytes,
                                unsigned reads, const StoreCall& call) {
  std::vector<std::byte> into(bytes);
  std::vector<double> millis;
  RESTORED_TRY(store.read(key, 0, into, call));  // connects
  const Clock::time_point begin = Clock::now();
  while (millis.size() < reads && Clock::now() - begin < latency_time) {
    const Clock::time_point asked = Clock::now();
    RESTORED_TRY(store.read(key, 0, into, call));
    millis.push_back(seconds_since(asked) * 1e3);
  }
  std::ranges::sort(millis);
  // The smallest that so many of a hundred do not exceed.
  const auto percentile = [&](std::size_t percent) {
    return millis[(millis.size() * percent + 99) / 100 - 1];
  };
  return Latency{percentile(50), percentile(99), static_cast<unsigned>(millis.size())};
}

}  // namespace restored::store
