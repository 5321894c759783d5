#include "decode_sample.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "format/frame.h"
#include "outcome.h"
#include "restored/limits.h"

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t sample_bytes_max = 512 * kMiB;

}  // namespace

Result<DecodeSample> DecodeSample::load(std::span<const pipeline::FetchFile> files,
                                        const pipeline::FetchEnvironment& environment) {
  DecodeSample sample;
  for (const pipeline::FetchFile& file : files) {
    if (sample.content_bytes_ >= sample_bytes_max) break;
    std::uint64_t stored_bytes = 0;
    for (const auto& frame : file.frames) stored_bytes += frame.stored_bytes;
    auto& object = sample.objects_.emplace_back(stored_bytes);
    RESTORED_TRY(environment.store.read(file.object_key, 0, object, {}));
    std::uint64_t offset = 0;
    for (std::uint64_t index = 0; index < file.frames.size(); ++index) {
      const auto bytes = file.frames[index].stored_bytes;
      sample.frames_.push_back({&file, index, std::span(object).subspan(offset, bytes)});
      sample.content_bytes_ += file.frames[index].content_bytes;
      offset += bytes;
    }
  }
  return sample;
}

Result<double> DecodeSample::decode(std::uint64_t bytes) const {
  Outcome outcome;
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> decoded{0};
  const auto begin = Clock::now();
  if (!frames_.empty()) {
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < std::thread::hardware_concurrency(); ++thread) {
      threads.emplace_back([&] {
        format::FrameDecoder decoder;
        // As much memory as a range has, so that the decoder's output leaves the caches as it
        // does in a restore.
        std::vector<std::byte> content(limits::range_content_bytes_max);
        std::size_t at = 0;
        while (decoded < bytes) {
          const auto& entry = frames_[next++ % frames_.size()];
          const auto& frame = entry.file->frames[entry.frame];
          decoded += frame.content_bytes;
          outcome.note(decoder.decode(frame, entry.frame, entry.stored,
                                      std::span(content).subspan(at, frame.content_bytes)));
          at = (at + limits::frame_bytes) % content.size();
        }
      });
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  RESTORED_TRY(outcome.result());
  return seconds;
}

}  // namespace restored::bench
