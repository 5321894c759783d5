// One frame: zstd's bytes, then the guard; or both sealed.
#include <fmt/core.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "format/frame.h"
#include "format/guard.h"
#include "format/object_seal.h"
#include "restored/limits.h"

namespace restored::format {
static_assert(ZSTD_COMPRESSBOUND(limits::frame_bytes) + guard_bytes <=
              limits::frame_stored_bytes_max);
static_assert(ZSTD_COMPRESSBOUND(limits::frame_bytes) + seal::overhead_bytes <=
              limits::frame_stored_bytes_max);

struct FrameEncoder::State {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  FrameBox box;
  State() { RESTORED_CHECK(context != nullptr, "memory for a zstd context"); }
  ~State() { ZSTD_freeCCtx(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

FrameEncoder::FrameEncoder(int zstd_level) : state_(std::make_unique<State>()) {
  const auto set = [&](ZSTD_cParameter parameter, int value) {
    RESTORED_CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(state_->context, parameter, value)),
                   "zstd clamps levels and takes these flags");
  };
  set(ZSTD_c_compressionLevel, zstd_level);
  set(ZSTD_c_contentSizeFlag, 1);
  set(ZSTD_c_checksumFlag, 0);  // the guard and the frame index say more
}
FrameEncoder::FrameEncoder(FrameEncoder&&) noexcept = default;
FrameEncoder& FrameEncoder::operator=(FrameEncoder&&) noexcept = default;
FrameEncoder::~FrameEncoder() = default;

std::size_t FrameEncoder::encode(std::span<const std::byte> content, std::span<std::byte> into,
                                 const ObjectSeal& seal, std::uint64_t position) {
  RESTORED_CHECK(content.size() <= limits::frame_bytes, "a frame's content is bounded");
  RESTORED_CHECK(into.size() >= limits::frame_stored_bytes_max, "room for the worst case");
  const auto room = seal.key == nullptr
                        ? into.first(into.size() - guard_bytes)
                        : into.subspan(seal::nonce_bytes, into.size() - seal::overhead_bytes);
  const std::size_t compressed =
      ZSTD_compress2(state_->context, room.data(), room.size(), content.data(), content.size());
  RESTORED_CHECK(!ZSTD_isError(compressed), "zstd compresses anything into its own bound");
  if (seal.key != nullptr) {
    const std::size_t stored = compressed + seal::overhead_bytes;
    state_->box.seal(seal, position, content.size(), room.first(compressed), into.first(stored));
    return stored;
  }
  write_guard(into.first(compressed), into.subspan(compressed, guard_bytes));
  return compressed + guard_bytes;
}

namespace {

constexpr std::size_t opened_bytes = limits::frame_stored_bytes_max - seal::overhead_bytes;

}  // namespace

struct FrameDecoder::State {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  FrameBox box;
  std::vector<std::byte> opened;  // of a sealed frame; made by the first one
  State() { RESTORED_CHECK(context != nullptr, "memory for a zstd context"); }
  ~State() { ZSTD_freeDCtx(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

FrameDecoder::FrameDecoder() : state_(std::make_unique<State>()) {}
FrameDecoder::FrameDecoder(FrameDecoder&&) noexcept = default;
FrameDecoder& FrameDecoder::operator=(FrameDecoder&&) noexcept = default;
FrameDecoder::~FrameDecoder() = default;

Result<void> FrameDecoder::decode(const Frame& frame, std::uint64_t position,
                                  std::span<const std::byte> stored, std::span<std::byte> into,
                                  const ObjectSeal& seal) {
  RESTORED_CHECK(into.size() == frame.content_bytes, "the target has the frame's size");
  const std::size_t added = seal.key == nullptr ? guard_bytes : seal::overhead_bytes;
  if (stored.size() != frame.stored_bytes || stored.size() <= added)
    return fail(ErrorCode::corruption,
                fmt::format("stored length is {}, not {}", stored.size(), frame.stored_bytes));
  auto zstd_frame = stored.first(stored.size() - added);
  if (seal.key != nullptr) {
    if (state_->opened.size() < zstd_frame.size())
      state_->opened.resize(std::max(zstd_frame.size(), opened_bytes));
    const auto opened = std::span(state_->opened).first(zstd_frame.size());
    if (!state_->box.open(seal, position, frame.content_bytes, stored, opened))
      return fail(ErrorCode::corruption,
                  "it is not what was sealed as this frame: damaged, or changed by somebody who "
                  "does not have the key");
    zstd_frame = opened;
  } else if (!guard_fits(zstd_frame, stored.last(guard_bytes))) {
    return fail(ErrorCode::corruption, "stored bytes differ from their hash");
  }
  const std::size_t decoded = ZSTD_decompressDCtx(state_->context, into.data(), into.size(),
                                                  zstd_frame.data(), zstd_frame.size());
  if (ZSTD_isError(decoded))
    return fail(ErrorCode::corruption,
                fmt::format("zstd refuses it: {}", ZSTD_getErrorName(decoded)));
  if (decoded != into.size())
    return fail(ErrorCode::corruption,
                fmt::format("content length is {}, not {}", decoded, into.size()));
  if (frame_hash(into, position) != frame.hash)
    return fail(ErrorCode::corruption, "content hash differs");
  return {};
}

}  // namespace restored::format
