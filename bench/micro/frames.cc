// Encoding, decoding and hashing frames on one core, against the bare libraries on the same bytes.
#include <time.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "base/check.h"
#include "format/data_key.h"
#include "format/frame.h"
#include "restored/limits.h"
#include "seal/box.h"
#include "seal/content_mac.h"
#include "settings.h"

namespace restored::micro {
namespace {

// Frames of content that zstd roughly halves, as it does SST files: short runs of a skewed
// alphabet, and short repetitions of what stands a little earlier, so that its entropy coder and
// its matches both have work.
class Frames {
 public:
  Frames() {
    content_ = make_content(settings().content_bytes);
    format::FrameEncoder encoder(1);
    for (std::uint64_t begin = 0; begin < content_.size(); begin += limits::frame_bytes) {
      const auto content = std::span(content_).subspan(
          begin, std::min<std::size_t>(limits::frame_bytes, content_.size() - begin));
      std::vector<std::byte> stored(limits::frame_stored_bytes_max);
      stored.resize(encoder.encode(content, stored));
      const std::uint64_t hash = format::frame_hash(content, frames_.size());
      frames_.push_back({static_cast<std::uint32_t>(stored.size()),
                         static_cast<std::uint32_t>(content.size()), hash});
      stored_.push_back(std::move(stored));
      hash_ += hash;
    }
  }

  std::size_t count() const { return frames_.size(); }
  const format::Frame& frame(std::size_t index) const { return frames_[index]; }
  std::span<const std::byte> stored(std::size_t index) const { return stored_[index]; }
  std::span<const std::byte> content(std::size_t index) const {
    return std::span(content_).subspan(index * limits::frame_bytes, frames_[index].content_bytes);
  }
  std::uint64_t hash() const { return hash_; }
  double stored_part() const {
    double bytes = 0;
    for (const format::Frame& frame : frames_) bytes += frame.stored_bytes;
    return bytes / static_cast<double>(content_.size());
  }

 private:
  static std::vector<std::byte> make_content(std::size_t bytes) {
    std::uint64_t value = 88172645463325252;
    const auto below = [&value](std::uint64_t bound) {
      value ^= value << 13;
      value ^= value >> 7;
      value ^= value << 17;
      return static_cast<std::size_t>((value >> 16) % bound);
    };
    std::vector<std::byte> content(bytes);
    std::size_t at = 0;
    while (at < bytes) {
      const bool repeat = at >= 32 * kKiB && below(2) == 0;
      const std::size_t length = std::min(bytes - at, (repeat ? 6 : 4) + below(12));
      const std::size_t from = repeat ? at - 32 * kKiB + below(31 * kKiB) : 0;
      for (std::size_t index = 0; index < length; ++index, ++at) {
        content[at] = repeat ? content[from + index]
                             : static_cast<std::byte>(' ' + std::min(below(64), below(64)));
      }
    }
    return content;
  }

  std::vector<std::byte> content_;
  std::vector<format::Frame> frames_;
  std::vector<std::vector<std::byte>> stored_;
  std::uint64_t hash_ = 0;
};

const Frames& frames() {
  static const Frames made;
  return made;
}

// Time on a core, not on the wall: what else runs on the machine does not count.
double core_seconds() {
  ::timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double ceiling_of(const std::function<void()>& pass) {
  return best_timed_rate(settings().content_bytes, [&] {
    const double begin = core_seconds();
    pass();
    return core_seconds() - begin;
  });
}

template <class Pass>
void measure(benchmark::State& state, double ceiling, const char* what_the_ceiling_is, Pass pass) {
  const double begin = core_seconds();
  for (auto each : state) {
    static_cast<void>(each);
    pass();
  }
  const double spent = core_seconds() - begin;
  state.counters["stored_part"] = frames().stored_part();
  report(state, settings().content_bytes, spent, ceiling, what_the_ceiling_is, frames().hash());
}

void decode(benchmark::State& state) {
  (void)frames();  // made before anything is measured
  std::vector<std::byte> into(limits::frame_bytes);
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> bare(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
  const double ceiling = ceiling_of([&] {
    for (std::size_t index = 0; index < frames().count(); ++index) {
      const auto stored = frames().stored(index);
      const std::size_t bytes =
          ZSTD_decompressDCtx(bare.get(), into.data(), into.size(), stored.data(), stored.size());
      RESTORED_CHECK(bytes == frames().frame(index).content_bytes, "zstd decodes the frame");
    }
  });
  format::FrameDecoder decoder;
  measure(state, ceiling, "zstd alone, without guard and hash", [&] {
    for (std::size_t index = 0; index < frames().count(); ++index) {
      const format::Frame& frame = frames().frame(index);
      const auto done = decoder.decode(frame, index, frames().stored(index),
                                       std::span(into).first(frame.content_bytes));
      RESTORED_CHECK(done.has_value(), "the frame is whole");
    }
  });
}

void hash(benchmark::State& state) {
  (void)frames();
  // One frame again and again: what is left of the ceiling is the cost of reading memory.
  const double ceiling = ceiling_of([] {
    for (std::size_t index = 0; index < frames().count(); ++index) {
      benchmark::DoNotOptimize(format::frame_hash(frames().content(0), index));
    }
  });
  measure(state, ceiling, "the same hash on cached bytes", [&] {
    std::uint64_t total = 0;
    for (std::size_t index = 0; index < frames().count(); ++index) {
      total += format::frame_hash(frames().content(index), index);
    }
    RESTORED_CHECK(total == frames().hash(), "the same bytes have the same hashes");
  });
}

void encode(benchmark::State& state) {
  (void)frames();
  std::vector<std::byte> into(limits::frame_stored_bytes_max);
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> bare(ZSTD_createCCtx(),
                                                                     ZSTD_freeCCtx);
  const double ceiling = ceiling_of([&] {
    for (std::size_t index = 0; index < frames().count(); ++index) {
      const auto content = frames().content(index);
      const std::size_t bytes = ZSTD_compressCCtx(bare.get(), into.data(), into.size(),
                                                  content.data(), content.size(), 1);
      RESTORED_CHECK(ZSTD_isError(bytes) == 0, "zstd encodes the frame");
    }
  });
  format::FrameEncoder encoder(1);
  measure(state, ceiling, "zstd level 1 alone", [&] {
    for (std::size_t index = 0; index < frames().count(); ++index) {
      const std::size_t bytes = encoder.encode(frames().content(index), into);
      RESTORED_CHECK(bytes == frames().stored(index).size(), "the same bytes give the same frame");
    }
  });
}

// Sealed frames of the same content.
class SealedFrames {
 public:
  SealedFrames() {
    format::FrameEncoder encoder(1);
    for (std::size_t index = 0; index < frames().count(); ++index) {
      std::vector<std::byte> stored(limits::frame_stored_bytes_max);
      stored.resize(encoder.encode(frames().content(index), stored, seal(), index));
      frames_.push_back(frames().frame(index));
      frames_.back().stored_bytes = static_cast<std::uint32_t>(stored.size());
      stored_.push_back(std::move(stored));
    }
  }
  format::ObjectSeal seal() const { return {&key_, {}}; }
  const format::DataKey& key() const { return key_; }
  const format::Frame& frame(std::size_t index) const { return frames_[index]; }
  std::span<const std::byte> stored(std::size_t index) const { return stored_[index]; }

 private:
  const format::DataKey key_{seal::Key::random()};
  std::vector<format::Frame> frames_;
  std::vector<std::vector<std::byte>> stored_;
};

void decode_sealed(benchmark::State& state) {
  const SealedFrames sealed;
  std::vector<std::byte> into(limits::frame_bytes);
  format::FrameDecoder decoder;
  const double ceiling = ceiling_of([&] {
    for (std::size_t index = 0; index < frames().count(); ++index) {
      const format::Frame& frame = frames().frame(index);
      const auto done = decoder.decode(frame, index, frames().stored(index),
                                       std::span(into).first(frame.content_bytes));
      RESTORED_CHECK(done.has_value(), "the frame is whole");
    }
  });
  measure(state, ceiling, "the same frames, not encrypted", [&] {
    for (std::size_t index = 0; index < frames().count(); ++index) {
      const format::Frame& frame = sealed.frame(index);
      const auto done = decoder.decode(frame, index, sealed.stored(index),
                                       std::span(into).first(frame.content_bytes), sealed.seal());
      RESTORED_CHECK(done.has_value(), "the frame is whole");
    }
  });
}

// Both passes of a backup: naming the content, and encoding it.
void encode_sealed(benchmark::State& state) {
  const SealedFrames sealed;
  std::vector<std::byte> into(limits::frame_stored_bytes_max);
  format::FrameEncoder encoder(1);
  const auto pass = [&](format::ContentNamer& namer, const format::ObjectSeal& seal) {
    std::uint64_t total = 0;
    namer.begin();
    for (std::size_t index = 0; index < frames().count(); ++index) {
      const auto content = frames().content(index);
      total += format::frame_hash(content, index);
      namer.add(content);
      encoder.encode(content, into, seal, index);
    }
    RESTORED_CHECK(total == frames().hash(), "the same bytes have the same hashes");
  };
  format::ContentNamer plain(nullptr);
  format::ContentNamer keyed(&sealed.key());
  const double ceiling = ceiling_of([&] { pass(plain, {}); });
  measure(state, ceiling, "the same frames, not encrypted", [&] { pass(keyed, sealed.seal()); });
}

// The cipher alone: what the difference of the two above is made of.
void seal_alone(benchmark::State& state) {
  (void)frames();
  const seal::Key key = seal::Key::random();
  seal::Box box(key);
  seal::ContentMac mac(key);
  std::vector<std::byte> into(limits::frame_bytes + seal::overhead_bytes);
  const double naming = ceiling_of([&] {
    for (std::size_t index = 0; index < frames().count(); ++index) mac.add(frames().content(index));
  });
  measure(state, naming, "naming the same bytes", [&] {
    for (std::size_t index = 0; index < frames().count(); ++index) {
      const auto content = frames().content(index);
      box.seal({}, content, std::span(into).first(content.size() + seal::overhead_bytes));
    }
  });
}

}  // namespace

void register_frames() {
  benchmark::RegisterBenchmark("frame/decode", decode)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("frame/encode", encode)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("frame/hash", hash)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("frame/decode_sealed", decode_sealed)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("frame/encode_sealed", encode_sealed)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("frame/seal", seal_alone)->Unit(benchmark::kMillisecond);
}

}  // namespace restored::micro
