#include "ceilings.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>
#include <vector>

#include "decode_sample.h"
#include "fetch_path.h"
#include "machine.h"
#include "outcome.h"
#include "restored/limits.h"

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;
using pipeline::FetchEnvironment;
using pipeline::FetchFile;

constexpr int decode_passes = 3;  // the best one counts: others may use the cores too
constexpr int writes_at_once = 32;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
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

std::uint64_t content_bytes(std::span<const FetchFile> files) {
  std::uint64_t bytes = 0;
  for (const FetchFile& file : files) bytes += file.size_bytes;
  return bytes;
}

Result<void> time_reading(const CeilingsTask& task, Ceilings& ceilings) {
  settle();
  if (task.download != nullptr) {
    RESTORED_TRY(const DownloadSpeed best, task.download->best(task.files));
    ceilings.store_read_seconds = best.seconds;
    ceilings.download_threads = best.threads;
    return {};
  }
  const auto begin = Clock::now();
  RESTORED_TRY(fetch_to_nowhere(task.files, task.environment));
  ceilings.store_read_seconds = seconds_since(begin);
  return {};
}

Result<double> time_writing(const CeilingsTask& task, const std::string& directory) {
  settle();
  const auto begin = Clock::now();
  RESTORED_TRY(write_files(task.files, task.environment, directory));
  const double seconds = seconds_since(begin);
  RESTORED_TRY(task.environment.files.remove_tree(directory));
  return seconds;
}

Result<double> time_reading_and_writing(const CeilingsTask& task, const std::string& directory) {
  settle();
  const auto begin = Clock::now();
  Result<void> read;
  std::jthread reader([&] { read = fetch_to_nowhere(task.files, task.environment); });
  auto written = write_files(task.files, task.environment, directory);
  reader.join();
  const double seconds = seconds_since(begin);
  RESTORED_TRY(written);
  RESTORED_TRY(read);
  RESTORED_TRY(task.environment.files.remove_tree(directory));
  return seconds;
}

Result<double> time_decoding(const CeilingsTask& task, const DecodeSample& sample) {
  if (sample.content_bytes() == 0) return 0;
  double best = 0;
  for (int pass = 0; pass < decode_passes; ++pass) {
    RESTORED_TRY(const double seconds, sample.decode(sample.content_bytes()));
    best = pass == 0 ? seconds : std::min(best, seconds);
  }
  return best * static_cast<double>(content_bytes(task.files)) /
         static_cast<double>(sample.content_bytes());
}

Result<double> time_all_at_once(const CeilingsTask& task, const DecodeSample& sample,
                                unsigned download_threads, const std::string& directory) {
  settle();
  Outcome outcome;
  const auto note = [&](auto done) {
    if (!done) outcome.note(std::unexpected(std::move(done).error()));
  };
  const auto begin = Clock::now();
  {
    const std::jthread download([&] { note(task.download->run(task.files, download_threads)); });
    const std::jthread decode([&] { note(sample.decode(content_bytes(task.files))); });
    note(write_files(task.files, task.environment, directory));
  }
  const double seconds = seconds_since(begin);
  RESTORED_TRY(outcome.result());
  RESTORED_TRY(task.environment.files.remove_tree(directory));
  return seconds;
}

}  // namespace

double Ceilings::slowest_seconds() const {
  return std::max({store_read_seconds, decode_seconds, device_write_seconds,
                   read_and_write_seconds.value_or(0)});
}

const char* Ceilings::slowest_name() const {
  const double slowest = slowest_seconds();
  if (slowest == decode_seconds) return "decode";
  if (slowest == store_read_seconds) return download_threads > 0 ? "plain download" : "store read";
  if (slowest == device_write_seconds) return "device write";
  return "read and write";
}

Result<Ceilings> measure_ceilings(const CeilingsTask& task) {
  Ceilings ceilings;
  const std::string directory = task.scratch_directory + "/ceiling";
  RESTORED_TRY(time_reading(task, ceilings));
  RESTORED_TRY(ceilings.device_write_seconds, time_writing(task, directory));
  if (task.shared_device) {
    RESTORED_TRY(ceilings.read_and_write_seconds, time_reading_and_writing(task, directory));
  }
  RESTORED_TRY(const auto sample, DecodeSample::load(task.files, task.environment));
  RESTORED_TRY(ceilings.decode_seconds, time_decoding(task, sample));
  if (task.download != nullptr) {
    RESTORED_TRY(ceilings.all_at_once_seconds,
                 time_all_at_once(task, sample, ceilings.download_threads, directory));
  }
  return ceilings;
}

}  // namespace restored::bench
