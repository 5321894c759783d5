#include "deep/plain_object.h"

#include <fmt/core.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "format/object_seal.h"
#include "restored/limits.h"
#include "seal/box.h"

namespace restored::deep {
namespace {

constexpr std::uint64_t read_bytes = 4 * kMiB;

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
};

// What was decoded, in its order.
class Target {
 public:
  static Result<Target> make(const std::string& path, std::uint64_t bytes) {
    RESTORED_TRY(auto file,
                 io::system_files().open(path, io::Access::create, io::Caching::buffered));
    return Target(std::move(file), bytes);
  }
  // Errors: corruption, when it is more than the manifest says.
  Result<void> append(std::span<const std::byte> content) {
    if (content.size() > bytes_ - written_)
      return fail(ErrorCode::corruption,
                  fmt::format("it decodes to more than the {} bytes of the manifest", bytes_));
    RESTORED_TRY(file_->write_at(written_, content));
    written_ += content.size();
    return {};
  }
  Result<void> finish() {
    if (written_ != bytes_)
      return fail(ErrorCode::corruption,
                  fmt::format("it decodes to {} bytes, the manifest says {}", written_, bytes_));
    return file_->close();
  }

 private:
  Target(std::unique_ptr<io::File> file, std::uint64_t bytes)
      : file_(std::move(file)), bytes_(bytes) {}
  std::unique_ptr<io::File> file_;
  std::uint64_t bytes_;
  std::uint64_t written_ = 0;
};

std::unexpected<Error> refused(std::size_t code) {
  return fail(ErrorCode::corruption, fmt::format("zstd refuses it: {}", ZSTD_getErrorName(code)));
}

// All bytes through one stream: guards and the seek table are frames that zstd skips.
Result<void> decode_plain(ObjectStore& store, const std::string& key, Target& target,
                          const StoreCall& call) {
  RESTORED_TRY(const ObjectInfo info, store.stat(key, call));
  const std::unique_ptr<ZSTD_DStream, FreeStream> stream(ZSTD_createDStream());
  RESTORED_CHECK(stream != nullptr, "memory for a zstd stream");
  std::vector<std::byte> stored(std::min(info.size_bytes, read_bytes));
  std::vector<std::byte> content(ZSTD_DStreamOutSize());
  std::size_t wanted = 0;  // 0: a frame has ended
  for (std::uint64_t at = 0; at < info.size_bytes;) {
    const auto piece = std::span(stored).first(std::min(info.size_bytes - at, read_bytes));
    RESTORED_TRY(store.read(key, at, piece, call));
    at += piece.size();
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    bool more = true;  // what it holds back
    while (in.pos < in.size || more) {
      ZSTD_outBuffer out{content.data(), content.size(), 0};
      wanted = ZSTD_decompressStream(stream.get(), &out, &in);
      if (ZSTD_isError(wanted)) return refused(wanted);
      RESTORED_TRY(target.append(std::span(content).first(out.pos)));
      more = out.pos == out.size;
    }
  }
  if (wanted != 0) return fail(ErrorCode::corruption, "it ends inside a zstd frame");
  return target.finish();
}

Result<std::vector<format::SeekEntry>> frames_of(ObjectStore& store, const std::string& key,
                                                 const format::ObjectSeal& seal,
                                                 std::uint64_t frames, const StoreCall& call) {
  RESTORED_TRY(const ObjectInfo info, store.stat(key, call));
  const std::uint64_t bytes = format::seek_table_bytes(frames);
  if (info.size_bytes < bytes) return fail(ErrorCode::corruption, "it is too short for its frames");
  std::vector<std::byte> tail(bytes);
  RESTORED_TRY(store.read(key, info.size_bytes - bytes, tail, call));
  return format::decode_seek_table(tail, seal);
}

Result<void> decode_sealed(ObjectStore& store, const std::string& key,
                           const format::ObjectSeal& seal, std::uint64_t frames, Target& target,
                           const StoreCall& call) {
  RESTORED_TRY(const auto entries, frames_of(store, key, seal, frames, call));
  format::FrameBox box;
  std::uint64_t at = 0;
  for (std::uint64_t position = 0; position < entries.size(); ++position) {
    const format::SeekEntry& frame = entries[position];
    if (frame.stored_bytes <= seal::overhead_bytes)
      return fail(ErrorCode::corruption, fmt::format("frame {} is too short", position));
    std::vector<std::byte> stored(frame.stored_bytes);
    RESTORED_TRY(store.read(key, at, stored, call));
    std::vector<std::byte> compressed(stored.size() - seal::overhead_bytes);
    if (!box.open(seal, position, frame.content_bytes, stored, compressed))
      return fail(ErrorCode::corruption, fmt::format("frame {} is not what was sealed", position));
    std::vector<std::byte> content(frame.content_bytes);
    const std::size_t decoded =
        ZSTD_decompress(content.data(), content.size(), compressed.data(), compressed.size());
    if (ZSTD_isError(decoded)) return refused(decoded);
    RESTORED_TRY(target.append(std::span(content).first(decoded)));
    at += stored.size();
  }
  return target.finish();
}

}  // namespace

Result<void> decode_object(ObjectStore& store, const format::ManifestFile& file,
                           const format::DataKey* key, const std::string& path,
                           const StoreCall& call) {
  const std::string object = format::object_key(file.content);
  RESTORED_TRY(Target target, Target::make(path, file.size_bytes));
  const auto decoded = key == nullptr ? decode_plain(store, object, target, call)
                                      : decode_sealed(store, object, {key, file.content},
                                                      file.frames_count, target, call);
  if (decoded) return {};
  return std::unexpected(context(fmt::format("{} of {}", object, file.name), decoded.error()));
}

}  // namespace restored::deep
