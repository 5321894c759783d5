#include "ceilings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

#include "format/frame.h"
#include "machine.h"
#include "pipeline/flights.h"
#include "pipeline/plan.h"
#include "restored/limits.h"

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;
using pipeline::FetchEnvironment;
using pipeline::FetchFile;

constexpr std::uint64_t decode_sample_bytes_max = 512 * kMiB;
constexpr int decode_passes = 3;  // the best one counts: others may use the cores too
constexpr int writes_at_once = 32;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The first error of several threads.
class Outcome {
 public:
  void note(Result<void> result) {
    const std::lock_guard lock(mutex_);
    if (!result && result_) result_ = std::move(result);
  }
  Result<void> result() const {
    const std::lock_guard lock(mutex_);
    return result_;
  }

 private:
  mutable std::mutex mutex_;
  Result<void> result_;
};

// Reads all ranges as a restore would, and lets them go.
Result<void> read_objects(std::span<const FetchFile> files, const FetchEnvironment& environment) {
  pipeline::Flights flights(files);
  Outcome outcome;
  {
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < environment.store.reads_max(); ++thread) {
      threads.emplace_back([&] {
        const auto read_all = [&]() -> Result<void> {
          while (true) {
            RESTORED_TRY(auto flight, flights.take({}));
            if (!flight) return {};
            if ((*flight)->range.begins_file) flights.file_done();
            if ((*flight)->range.content_bytes == 0) continue;
            RESTORED_TRY((*flight)->acquire_memory(environment.budget, {}));
            RESTORED_TRY(environment.store.read((*flight)->file->object_key, (*flight)->read_offset,
                                                (*flight)->read_into, {}));
          }
        };
        outcome.note(read_all());
      });
    }
  }
  return outcome.result();
}

Result<void> write_file(const std::string& path, std::uint64_t bytes,
                        const FetchEnvironment& environment, std::span<const std::byte> content) {
  std::counting_semaphore<writes_at_once> room(writes_at_once);
  Outcome outcome;
  RESTORED_TRY(auto file, environment.files.open(path, io::Access::create, io::Caching::direct));
  const std::uint64_t padded_bytes = round_up(bytes, limits::io_alignment);
  RESTORED_TRY(file->allocate(padded_bytes));
  for (std::uint64_t offset = 0; offset < padded_bytes; offset += limits::write_bytes_max) {
    room.acquire();
    environment.queue.submit_write(
        *file, offset, content.first(std::min(limits::write_bytes_max, padded_bytes - offset)),
        [&](Result<void> result) {
          outcome.note(std::move(result));
          room.release();
        });
  }
  for (int pending = 0; pending < writes_at_once; ++pending) room.acquire();
  RESTORED_TRY(outcome.result());
  RESTORED_TRY(file->sync());
  return file->close();
}

// Files of the same sizes, two at a time, so that one's sync does not idle the device.
Result<void> write_files(std::span<const FetchFile> files, const FetchEnvironment& environment,
                         const std::string& directory) {
  RESTORED_TRY(environment.files.make_directories(directory));
  Outcome outcome;
  std::atomic<std::size_t> next{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 2; ++thread) {
      threads.emplace_back([&] {
        const auto write_all = [&]() -> Result<void> {
          RESTORED_TRY(auto memory, environment.budget.acquire(limits::write_bytes_max, {}));
          std::ranges::fill(memory.bytes(), std::byte{0x5a});
          for (std::size_t index = next++; index < files.size(); index = next++) {
            RESTORED_TRY(write_file(fmt::format("{}/{}", directory, index), files[index].size_bytes,
                                    environment, memory.bytes()));
          }
          return {};
        };
        outcome.note(write_all());
      });
    }
  }
  return outcome.result();
}

Result<double> time_reading(std::span<const FetchFile> files, const FetchEnvironment& environment) {
  settle();
  const auto begin = Clock::now();
  RESTORED_TRY(read_objects(files, environment));
  return seconds_since(begin);
}

Result<double> time_writing(std::span<const FetchFile> files, const FetchEnvironment& environment,
                            const std::string& directory) {
  settle();
  const auto begin = Clock::now();
  RESTORED_TRY(write_files(files, environment, directory));
  const double seconds = seconds_since(begin);
  RESTORED_TRY(environment.files.remove_tree(directory));
  return seconds;
}

Result<double> time_both(std::span<const FetchFile> files, const FetchEnvironment& environment,
                         const std::string& directory) {
  settle();
  const auto begin = Clock::now();
  Result<void> read;
  std::jthread reader([&] { read = read_objects(files, environment); });
  auto written = write_files(files, environment, directory);
  reader.join();
  const double seconds = seconds_since(begin);
  RESTORED_TRY(written);
  RESTORED_TRY(read);
  RESTORED_TRY(environment.files.remove_tree(directory));
  return seconds;
}

// A sample of the backup in memory: whole files from the beginning.
struct Sample {
  struct Entry {
    const FetchFile* file = nullptr;
    std::uint64_t frame = 0;
    std::span<const std::byte> stored;
  };
  std::vector<std::vector<std::byte>> objects;
  std::vector<Entry> frames;
  std::uint64_t content_bytes = 0;
};

Result<Sample> load_sample(std::span<const FetchFile> files, const FetchEnvironment& environment) {
  Sample sample;
  for (const FetchFile& file : files) {
    if (sample.content_bytes >= decode_sample_bytes_max) break;
    std::uint64_t stored_bytes = 0;
    for (const auto& frame : file.frames) stored_bytes += frame.stored_bytes;
    auto& object = sample.objects.emplace_back(stored_bytes);
    RESTORED_TRY(environment.store.read(file.object_key, 0, object, {}));
    std::uint64_t offset = 0;
    for (std::uint64_t index = 0; index < file.frames.size(); ++index) {
      const auto bytes = file.frames[index].stored_bytes;
      sample.frames.push_back({&file, index, std::span(object).subspan(offset, bytes)});
      sample.content_bytes += file.frames[index].content_bytes;
      offset += bytes;
    }
  }
  return sample;
}

Result<double> decode_once(const Sample& sample) {
  Outcome outcome;
  std::atomic<std::size_t> next{0};
  const auto begin = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < std::thread::hardware_concurrency(); ++thread) {
      threads.emplace_back([&] {
        format::FrameDecoder decoder;
        // As much memory as a range has, so that the decoder's output leaves the caches as it
        // does in a restore.
        std::vector<std::byte> content(limits::range_content_bytes_max);
        std::size_t at = 0;
        for (std::size_t index = next++; index < sample.frames.size(); index = next++) {
          const auto& entry = sample.frames[index];
          const auto& frame = entry.file->frames[entry.frame];
          outcome.note(decoder.decode(frame, entry.frame, entry.stored,
                                      std::span(content).subspan(at, frame.content_bytes)));
          at = (at + limits::frame_bytes) % content.size();
        }
      });
    }
  }
  const double seconds = seconds_since(begin);
  RESTORED_TRY(outcome.result());
  return seconds;
}

Result<double> time_decoding(std::span<const FetchFile> files,
                             const FetchEnvironment& environment) {
  RESTORED_TRY(const Sample sample, load_sample(files, environment));
  if (sample.content_bytes == 0) return 0;
  std::uint64_t total_bytes = 0;
  for (const FetchFile& file : files) total_bytes += file.size_bytes;
  double best = 0;
  for (int pass = 0; pass < decode_passes; ++pass) {
    RESTORED_TRY(const double seconds, decode_once(sample));
    best = pass == 0 ? seconds : std::min(best, seconds);
  }
  return best * static_cast<double>(total_bytes) / static_cast<double>(sample.content_bytes);
}

}  // namespace

double Ceilings::slowest_seconds() const {
  return std::max({store_read_seconds, decode_seconds, device_write_seconds,
                   shared_device ? read_and_write_seconds : 0.0});
}

const char* Ceilings::slowest_name() const {
  const double slowest = slowest_seconds();
  if (slowest == decode_seconds) return "decode";
  if (slowest == store_read_seconds) return "store read";
  if (slowest == device_write_seconds) return "device write";
  return "read and write";
}

Result<Ceilings> measure_ceilings(std::span<const FetchFile> files,
                                  const FetchEnvironment& environment,
                                  const std::string& scratch_directory, bool shared_device) {
  Ceilings ceilings;
  ceilings.shared_device = shared_device;
  const std::string directory = scratch_directory + "/ceiling";
  RESTORED_TRY(ceilings.store_read_seconds, time_reading(files, environment));
  RESTORED_TRY(ceilings.device_write_seconds, time_writing(files, environment, directory));
  RESTORED_TRY(ceilings.read_and_write_seconds, time_both(files, environment, directory));
  RESTORED_TRY(ceilings.decode_seconds, time_decoding(files, environment));
  return ceilings;
}

}  // namespace restored::bench
